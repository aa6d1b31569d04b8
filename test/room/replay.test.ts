import { describe, expect, test } from 'vitest'
import type { Batch } from '../../src/room/batch.ts'
import { broadcasts, House, type Member, says } from '../support/doubles.ts'
import type { Message } from '../support/messages.ts'

const state = { stateMessage: true }

/** Small beside the state below: a line takes many pieces of it. */
const MARK = 2000
const ENTRIES = 100

/** Of each entry of the state: all of them are some 30 KB. */
const TEXT = 'x'.repeat(200)

async function houseWithState() {
  const house = new House({ highWaterMark: MARK, tailBytes: 100_000 })
  const owner = await house.open()
  for (let n = 1; n <= ENTRIES; n++) says(owner, `k${n}`, [n, TEXT], state)
  await house.settle()
  return { house, owner, uuid: owner.welcome.uuid }
}

/** Enters by `first`, on a line that takes nothing. */
async function enterBlocked(house: House, first: object): Promise<Member> {
  const { session, connection } = house.connect()
  connection.block()
  session.receive(JSON.stringify(first))
  await house.settle()
  return { session, connection, welcome: undefined as unknown as Message }
}

/** The line takes what it holds, again and again, until there is nothing more for it. */
async function takeAll(house: House, { connection, session }: Member): Promise<Message[]> {
  for (;;) {
    const taken = connection.received.length
    connection.unblock()
    connection.block()
    session.drained()
    await house.settle()
    if (connection.received.length === taken && connection.backlog === 0) return connection.received
  }
}

const join = (uuid: string, fields: object = {}) => ({
  uuid,
  status: { value: 2, text: '' },
  funcKey: '',
  funcParams: [],
  stateMessage: false,
  ...fields,
})

const seqs = (messages: readonly Message[]) => messages.flatMap(({ seq }) => seq ?? [])
const upTo = (count: number, from = 1) => Array.from({ length: count - from + 1 }, (_, i) => from + i)

describe('[R4] a large state is written as the line takes it', () => {
  test('[R6] to who reads nothing, no more than the mark is written', async () => {
    const { house, uuid } = await houseWithState()
    const late = await enterBlocked(house, join(uuid))
    expect(late.connection.backlog).toBeLessThan(MARK + 1000)
    expect(late.connection.backlog).toBeGreaterThan(0)
  })

  test('[J3] the welcome says how much follows and where it leads; then what was broadcast meanwhile, with no gap', async () => {
    const { house, owner, uuid } = await houseWithState()
    const late = await enterBlocked(house, join(uuid))
    says(owner, 'pointer', [1])
    says(owner, 'k1', ['new'], state)
    await house.settle()
    const [welcome, ...rest] = await takeAll(house, late)
    expect(welcome).toMatchObject({ role: 'listener', replay: ENTRIES, position: { seq: ENTRIES } })
    expect(seqs(rest)).toEqual(upTo(ENTRIES + 2))
    expect(rest.filter(({ replay }) => replay)).toHaveLength(ENTRIES)
    says(owner, 'pointer', [2])
    await house.settle()
    expect(seqs(await takeAll(house, late)).at(-1)).toBe(ENTRIES + 3)
  })

  test('[R6] what of it is replaced or cleared before it was written: the rest is told anew, and leads to where all is', async () => {
    const { house, owner, uuid } = await houseWithState()
    const late = await enterBlocked(house, join(uuid))
    says(owner, `k${ENTRIES}`, ['new'], state)
    says(owner, `k${ENTRIES - 1}`, [], { ...state, retain: 'clear' })
    says(owner, 'pointer', [1])
    says(owner, 'k1', ['newer'], state)
    await house.settle()
    const received = await takeAll(house, late)
    const at = received.findIndex(({ event }) => event?.type === 'lagged')
    const rest = received.slice(at + 1)
    expect(received[at]).toMatchObject({
      event: { reset: false, missed: 1, replay: rest.length, position: { seq: ENTRIES + 4 } },
    })
    const view = new Map<string, unknown>()
    for (const { funcKey, funcParams, retain } of received.filter(({ seq }) => seq !== undefined)) {
      if (retain === 'clear') view.delete(funcKey)
      else view.set(funcKey, funcParams[0])
    }
    expect(view.get('k1')).toBe('newer')
    expect(view.get(`k${ENTRIES}`)).toBe('new')
    expect([...view.keys()].sort()).toEqual(
      upTo(ENTRIES)
        .filter((n) => n !== ENTRIES - 1)
        .map((n) => `k${n}`)
        .sort(),
    )
  })

  test('[R5] so is what a client missed, exactly, in its order', async () => {
    const { house, owner, uuid } = await houseWithState()
    const { epoch } = owner.welcome.position!
    const back = await enterBlocked(house, join(uuid, { since: { epoch, seq: 10 } }))
    expect(back.connection.backlog).toBeLessThan(MARK + 1000)
    says(owner, 'pointer', [1])
    await house.settle()
    const [welcome, ...rest] = await takeAll(house, back)
    expect(welcome).toMatchObject({ recovered: true, replay: ENTRIES - 10 })
    expect(seqs(rest)).toEqual(upTo(ENTRIES + 1, 11))
    expect(rest.some(({ replay }) => replay)).toBe(false)
  })

  test('[R6] who comes back and reads so slowly that it is forgotten what it missed, is told so', async () => {
    const { house, owner, uuid } = await houseWithState()
    const { epoch } = owner.welcome.position!
    const back = await enterBlocked(house, join(uuid, { since: { epoch, seq: 10 } }))
    for (let n = 1; n <= 600; n++) says(owner, 'pointer', [n, TEXT])
    await house.settle()
    const received = await takeAll(house, back)
    const at = received.findIndex(({ event }) => event?.type === 'lagged')
    const last = seqs(received.slice(0, at)).at(-1)!
    expect(seqs(received.slice(0, at))).toEqual(upTo(last, 11))
    expect(received[at]).toMatchObject({ event: { reset: false, position: { seq: ENTRIES + 600 } } })
    expect(seqs(received.slice(at + 1))).toEqual(upTo(ENTRIES, last + 1))
  })

  test('[O2] so is what an owner gets that takes its room back; what it is told besides comes after', async () => {
    const { house, owner, uuid } = await houseWithState()
    const { ownerKey } = owner.welcome
    const back = await enterBlocked(house, { ...join(uuid), status: { value: 1, text: '' }, ownerKey })
    expect(back.connection.backlog).toBeLessThan(MARK + 1000)
    says({ ...back, welcome: owner.welcome }, 'pointer', [1], { to: 'all', id: 'a' })
    await house.settle()
    const [welcome, ...rest] = await takeAll(house, back)
    expect(welcome).toMatchObject({ role: 'owner', replay: ENTRIES })
    expect(seqs(rest)).toEqual(upTo(ENTRIES + 1))
    expect(rest.at(-1)).toMatchObject({ event: { type: 'ack', id: 'a' } })
  })

  test('ten thousand who come at once: each piece is encoded once', async () => {
    const { house, uuid } = await houseWithState()
    const encoded = new Set<Batch>()
    let writes = 0
    for (let n = 0; n < 10_000; n++) {
      const { session, connection } = house.connect()
      connection.write = (batch) => {
        writes++
        // The welcome is its own.
        if (batch.texts.some((text) => text.includes('"seq"') && !text.includes('clientId'))) encoded.add(batch)
      }
      session.receive(JSON.stringify(join(uuid)))
    }
    await house.settle()
    expect(writes).toBeGreaterThan(200_000)
    expect(encoded.size).toBeLessThan(40)
  })
})

describe('[E1] the end of a room', () => {
  test('a listener that was left to drain is told why, too', async () => {
    const { house, owner, uuid } = await houseWithState()
    const late = await enterBlocked(house, join(uuid))
    const slow = await house.join(uuid)
    slow.connection.block()
    for (let n = 1; n <= 20; n++) {
      says(owner, 'pointer', [n, TEXT])
      await house.settle()
    }
    owner.session.receive(JSON.stringify({ ...join(uuid), status: { value: 4, text: '' } }))
    await house.settle()
    for (const { connection } of [late, slow]) {
      connection.unblock()
      expect(connection.received.at(-1)).toMatchObject({ status: { value: 0 }, event: { code: 'room_closed' } })
      expect(connection.closed).toMatchObject({ code: 1000 })
      expect(broadcasts(connection.received).length).toBeLessThan(ENTRIES + 20)
    }
  })
})
