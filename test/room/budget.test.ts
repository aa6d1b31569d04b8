import { describe, expect, test } from 'vitest'
import { SqliteLog } from '../../src/logs/sqlite.ts'
import { NodeSqliteDriver } from '../../src/node/sqlite-driver.ts'
import { Budget } from '../../src/room/budget.ts'
import { DEFAULT_LIMITS } from '../../src/room/limits.ts'
import { countedSecrets, House, type Member, SteppedClock, says } from '../support/doubles.ts'
import { message } from '../support/messages.ts'

const MEBIBYTE = 1024 * 1024
const state = { stateMessage: true }
const large = 'x'.repeat(50_000)

function houseOf(bytes: number, log: 'memory' | 'sqlite'): { house: House; budget: Budget } {
  const budget = new Budget(bytes)
  const ground = { clock: new SteppedClock(), secrets: countedSecrets() }
  const sqlite = () =>
    new SqliteLog(new NodeSqliteDriver(':memory:', 'normal'), {
      limits: DEFAULT_LIMITS,
      maxRooms: 1000,
      budget,
      secrets: ground.secrets,
      soon: (flush) => ground.clock.soon(flush),
      onFailure(error) {
        throw error
      },
    })
  return { house: new House({}, log === 'sqlite' ? sqlite() : undefined, ground, undefined, budget), budget }
}

function answers({ connection }: Member, id: string) {
  return connection.received.filter(({ event }) => event !== undefined && 'id' in event && event.id === id)
}

async function fill(house: House, owner: Member, budget: Budget): Promise<void> {
  for (let n = 0; n < 12 && !budget.isFull; n++) {
    says(owner, 'page', [large], { ...state, stateKey: `k${n}` })
    await house.settle()
  }
}

describe.each(['memory', 'sqlite'] as const)('[B2] the bound on what all rooms hold: %s', (log) => {
  test('[R3] [O1] over it no room is opened and no state grows, until there is place again; old rooms go on', async () => {
    const { house, budget } = houseOf(3 * MEBIBYTE, log)
    const owners: Member[] = []
    while (!budget.isFull && owners.length < 20) {
      owners.push(await house.open())
      await fill(house, owners.at(-1)!, budget)
    }
    const first = owners[0]!
    const { uuid } = first.welcome
    const listener = await house.join(uuid)
    listener.connection.fresh()
    expect((await house.open()).welcome).toMatchObject({
      status: { value: 0 },
      event: { code: 'server_full', limit: 3 * MEBIBYTE, retryAfter: expect.any(Number) },
    })
    says(first, 'page', [large], { ...state, stateKey: 'new', id: 'grows' })
    says(first, 'page', ['small'], { ...state, stateKey: 'k0', id: 'shrinks' })
    says(first, 'pointer', ['moves'], { id: 'passes' })
    await house.settle()
    expect(answers(first, 'grows')).toMatchObject([
      {
        event: {
          type: 'error',
          code: 'state_full',
          field: 'stateMessage',
          limit: 3 * MEBIBYTE,
          retryAfter: expect.any(Number),
        },
      },
    ])
    expect(answers(first, 'shrinks')).toMatchObject([{ event: { type: 'ack' } }])
    expect(answers(first, 'passes')).toMatchObject([{ event: { type: 'ack' } }])
    expect(listener.connection.fresh().map(({ funcParams }) => funcParams[0])).toEqual(['small', 'moves'])
    for (const owner of owners.slice(1)) owner.session.receive(JSON.stringify(message(4, { uuid: owner.welcome.uuid })))
    await house.settle()
    expect(budget.isFull).toBe(false)
    says(first, 'page', ['fits'], { ...state, stateKey: 'another', id: 'fits' })
    expect((await house.open()).welcome).toMatchObject({ role: 'owner' })
    expect(answers(first, 'fits')).toMatchObject([{ event: { type: 'ack' } }])
  })

  test('[C3] what was taken before is acknowledged, however full it is', async () => {
    const { house, budget } = houseOf(3 * MEBIBYTE, log)
    const owner = await house.open()
    says(owner, 'page', [large], { ...state, stateKey: 'first', id: 'first' })
    await house.settle()
    budget.add(3 * MEBIBYTE)
    says(owner, 'page', [large], { ...state, stateKey: 'first', id: 'first' })
    await house.settle()
    expect(answers(owner, 'first')).toMatchObject([{ event: { type: 'ack' } }, { event: { type: 'ack' } }])
  })

  test('[R5] tails are cut before anything is refused, in quiet rooms too', async () => {
    const { house, budget } = houseOf(16 * MEBIBYTE, log)
    const owners: Member[] = []
    for (let n = 0; n < 16; n++) {
      owners.push(await house.open())
      for (let i = 0; i < 20; i++) says(owners.at(-1)!, 'passes', [large])
      await house.settle()
    }
    expect(budget.isFull).toBe(false)
    expect((await house.open()).welcome).toMatchObject({ role: 'owner' })
  })

  test('all that is held is given back with the rooms', async () => {
    const { house, budget } = houseOf(64 * MEBIBYTE, log)
    for (let n = 0; n < 3; n++) {
      const owner = await house.open()
      const { uuid } = owner.welcome
      await house.join(uuid)
      await fill(house, owner, budget)
      const late = await house.join(uuid)
      late.session.gone()
      expect(budget.held).toBeGreaterThan(MEBIBYTE)
      owner.session.receive(JSON.stringify(message(4, { uuid })))
      await house.settle()
    }
    expect(budget.held).toBe(0)
  })

  test('[J4] what waits while a client is let in counts', async () => {
    const { house, budget } = houseOf(64 * MEBIBYTE, log)
    const owner = await house.open()
    const before = budget.held
    const { session } = house.connect()
    session.receive(JSON.stringify(message(2, { uuid: owner.welcome.uuid })))
    session.receive(large)
    expect(budget.held - before).toBe(2 * large.length)
    session.gone()
    expect(budget.held).toBe(before)
    await house.settle()
    expect(budget.held).toBe(before)
  })

  test('[J2] a room that is not held is not read in when there is no place for it, and its owner keeps its key', async () => {
    const { house, budget } = houseOf(64 * MEBIBYTE, log)
    const owner = await house.open()
    const { uuid, ownerKey } = owner.welcome
    owner.session.gone()
    await house.settle()
    budget.add(64 * MEBIBYTE)
    // Little is left, and nobody is in it: it goes.
    await house.settle()
    expect(house.manager.idle).toBe(0)
    for (const { welcome } of [await house.join(uuid), await house.takeBack(uuid, ownerKey!)]) {
      expect(welcome).toMatchObject({ event: { code: 'server_full', retryAfter: expect.any(Number) } })
    }
    budget.add(-64 * MEBIBYTE)
    expect((await house.takeBack(uuid, ownerKey!)).welcome).toMatchObject({ role: 'owner' })
  })
})
