import { describe, expect, test } from 'vitest'
import { PING } from '../../src/protocol/routes.ts'
import type { Membership } from '../../src/room/ports.ts'
import { Session } from '../../src/room/session.ts'
import { broadcasts, House, type Member, SteppedConnection, says } from '../support/doubles.ts'
import { message } from '../support/messages.ts'
import { Trouble } from '../support/trouble.ts'

const RATE = { broadcastRate: 10, broadcastBytes: 1_000_000 }

interface Answer {
  readonly type: string
  readonly id: string
  readonly code?: string
  readonly retryAfter?: number
}

/** What was answered to the messages with an id since it was last asked. */
function answers({ connection }: Pick<Member, 'connection'>): Answer[] {
  return connection.fresh().flatMap(({ event }) => (event && 'id' in event ? [event as Answer] : []))
}

const taken = (told: readonly Answer[]) => told.filter(({ type }) => type === 'ack').map(({ id }) => Number(id))
const refused = (told: readonly Answer[]) => told.filter(({ type }) => type === 'error').map(({ id }) => Number(id))
const refusal = (told: readonly Answer[]) => told.find(({ type }) => type === 'error')!
const upTo = (count: number, from = 1) => Array.from({ length: count }, (_, i) => from + i)

async function sayAll(house: House, owner: Member, ids: readonly number[], text = ''): Promise<Answer[]> {
  for (const id of ids) says(owner, 'n', [id, text], { id: `${id}` })
  await house.settle()
  return answers(owner)
}

describe('[C6] what may be broadcast in a room', () => {
  test('is a second’s worth at once, and so much a second', async () => {
    const house = new House(RATE)
    const owner = await house.open()
    const told = await sayAll(house, owner, upTo(15))
    expect(taken(told)).toEqual(upTo(10))
    expect(refused(told)).toEqual(upTo(5, 11))
    expect(refusal(told)).toMatchObject({ code: 'rate_limited', limit: 10, retryAfter: 100 })
    house.clock.advance(refusal(told).retryAfter!)
    expect(taken(await sayAll(house, owner, [11, 12]))).toEqual([11])
    house.clock.advance(60_000)
    expect(taken(await sayAll(house, owner, upTo(20, 12)))).toEqual(upTo(10, 12))
  })

  test('is so many bytes', async () => {
    const house = new House({ broadcastRate: 1000, broadcastBytes: 10_000 })
    const owner = await house.open()
    const told = await sayAll(house, owner, upTo(10), 'é'.repeat(1500))
    // The fourth begins within the limit.
    expect(taken(told)).toEqual(upTo(4))
    expect(refusal(told)).toMatchObject({ code: 'rate_limited' })
    house.clock.advance(refusal(told).retryAfter!)
    expect(taken(await sayAll(house, owner, upTo(10, 5), 'é'.repeat(1500)))).toEqual([5])
  })

  test('counts what goes to named clients: each of those is a write', async () => {
    const house = new House(RATE)
    const owner = await house.open()
    const listener = await house.join(owner.welcome.uuid)
    const to = [listener.welcome.clientId, ...upTo(39).map(() => owner.welcome.clientId)]
    for (const id of upTo(5)) says(owner, 'psst', [id], { id: `${id}`, to })
    await house.settle()
    expect(taken(answers(owner))).toEqual([1, 2])
  })

  test('is the same when the owner goes and comes back, with nobody here in between', async () => {
    const house = new House(RATE)
    const owner = await house.open()
    const { uuid, ownerKey } = owner.welcome
    expect(taken(await sayAll(house, owner, upTo(10)))).toHaveLength(10)
    owner.session.gone()
    await house.settle()
    await house.manager.expire()
    expect(house.manager.size).toBe(0)
    const back = await house.takeBack(uuid, ownerKey!)
    expect(taken(await sayAll(house, back, upTo(10, 20)))).toEqual([])
    house.clock.advance(500)
    expect(taken(await sayAll(house, back, upTo(10, 30)))).toHaveLength(5)
  })

  test('[B1] is no matter of right and wrong: who is over it goes on when it has waited', async () => {
    const house = new House(RATE)
    const owner = await house.open()
    await sayAll(house, owner, upTo(300))
    expect(owner.connection.closed).toBeUndefined()
    house.clock.advance(1000)
    expect(taken(await sayAll(house, owner, [300]))).toEqual([300])
  })

  test('[B4] who does not wait is not read for a while; where that cannot be, it is cut off', async () => {
    const house = new House(RATE)
    for (const canRest of [true, false]) {
      const owner = await house.open()
      const rests = canRest ? restsOf(owner) : []
      await sayAll(house, owner, upTo(2500))
      expect(owner.connection.closed?.code).toBe(canRest ? undefined : 4503)
      expect(Math.max(0, ...rests)).toBe(canRest ? 2002 : 0)
    }
  })
})

describe('[C6] an owner that says again what was refused', () => {
  const can = ['resends']

  test('keeps its order: nothing that it said before it knew overtakes', async () => {
    const house = new House(RATE)
    const owner = await house.enter(message(1, { can }))
    const listener = await house.join(owner.welcome.uuid)
    expect(refused(await sayAll(house, owner, upTo(15)))).toEqual(upTo(5, 11))
    // These were on their way when it was told.
    house.clock.advance(1000)
    expect(refused(await sayAll(house, owner, upTo(5, 16)))).toEqual(upTo(5, 16))
    expect(taken(await sayAll(house, owner, upTo(10, 11)))).toEqual(upTo(10, 11))
    expect(broadcasts(listener.connection.received).map((text) => Number.parseInt(text.slice(2), 10))).toEqual(upTo(20))
  })

  test('is heard when the first of it is something that cannot be', async () => {
    const house = new House(RATE)
    const owner = await house.enter(message(1, { can }))
    await sayAll(house, owner, upTo(11))
    house.clock.advance(1000)
    says(owner, 'n', [11], { id: '11', to: ['nobody'] })
    expect(taken(await sayAll(house, owner, [12]))).toEqual([12])
  })

  test('[C3] says again what could not be stored, too, before what was refused for its rate', async () => {
    const trouble = new Trouble()
    const plain = new House(RATE)
    const house = new House(RATE, trouble.watch(plain.log), plain)
    const owner = await house.enter(message(1, { can }))
    const { uuid } = owner.welcome
    await sayAll(house, owner, upTo(9))
    trouble.fail('failed', 1)
    // The tenth is let through, and fails when the eleventh has been refused already.
    expect(refused(await sayAll(house, owner, upTo(3, 10))).sort()).toEqual(upTo(3, 10))
    house.clock.advance(1000)
    const listener = await house.join(uuid)
    expect(taken(await sayAll(house, owner, upTo(3, 10)))).toEqual(upTo(3, 10))
    expect(broadcasts(listener.connection.received).map((text) => Number.parseInt(text.slice(2), 10))).toEqual(
      upTo(3, 10),
    )
  })

  test('is known as one after its room has slept', async () => {
    const before = new House(RATE)
    let kept: Membership | undefined
    const connection = Object.assign(new SteppedConnection(), {
      remember(member: Membership) {
        kept = member
      },
    })
    new Session(before.manager, before.house, connection).receive(JSON.stringify(message(1, { can })))
    await before.settle()
    const [welcome] = connection.fresh()
    const house = new House(RATE, before.log, before)
    const session = new Session(house.manager, house.house, connection)
    session.restore((await house.manager.room(welcome!.uuid))!, kept!)
    const owner = { session, connection, welcome: welcome! }
    await sayAll(house, owner, upTo(11))
    house.clock.advance(1000)
    expect(taken(await sayAll(house, owner, [12, 11, 12]))).toEqual([11, 12])
  })
})

describe('[C1] what a listener may say', () => {
  test('is bounded in bytes', async () => {
    const house = new House({ feedbackBytes: 1000 })
    const owner = await house.open()
    const listener = await house.join(owner.welcome.uuid)
    for (const id of upTo(5)) says(listener, 'clap', ['x'.repeat(900)], { id: `${id}` })
    const told = answers(listener)
    expect(taken(told)).toEqual([1, 2])
    expect(told.at(-1)).toMatchObject({ code: 'rate_limited', message: expect.stringContaining('1000 bytes') })
    house.clock.advance(told.at(-1)!.retryAfter!)
    says(listener, 'clap', [], { id: '6' })
    expect(taken(answers(listener))).toEqual([6])
  })

  test('[B1] [B4] over its rate it is refused, not wrong; who goes on is not read for a while', async () => {
    const house = new House()
    const owner = await house.open()
    const listener = await house.join(owner.welcome.uuid)
    const rests = restsOf(listener)
    for (const id of upTo(140)) says(listener, 'clap', [], { id: `${id}` })
    expect(refused(answers(listener))).toEqual(upTo(100, 41))
    expect(rests).toEqual([])
    for (const id of upTo(200)) says(listener, 'clap', [], { id: `${id}` })
    expect(rests.length).toBeGreaterThan(0)
    expect(listener.connection.closed).toBeUndefined()
    expect(broadcasts(owner.connection.received)).toHaveLength(40)
  })
})

describe('[C7] feedback that the owner does not take', () => {
  const dropped = (owner: Member) =>
    owner.connection.fresh().flatMap(({ event }) => (event?.type === 'feedback_dropped' ? [event.count] : []))

  test('is dropped and counted; the listener is told to wait, and the owner how many, when its line has room', async () => {
    const house = new House({ highWaterMark: 40_000 })
    const owner = await house.open()
    const listener = await house.join(owner.welcome.uuid)
    owner.connection.block()
    for (const id of upTo(30)) says(listener, 'clap', ['x'.repeat(1000)], { id: `${id}` })
    const told = answers(listener)
    expect(taken(told).length).toBeLessThan(12)
    expect(told.at(-1)).toMatchObject({ code: 'rate_limited', retryAfter: 1000 })
    // A quarter of the mark, and one message.
    expect(owner.connection.backlog).toBeLessThan(12_000)
    const count = refused(told).length
    house.clock.advance(1000)
    owner.connection.unblock()
    expect(dropped(owner)).toEqual([])
    owner.session.drained()
    house.clock.advance(100)
    expect(dropped(owner)).toEqual([count])
    house.clock.advance(10_000)
    expect(dropped(owner)).toEqual([])
  })

  test('does not come between it and its answers', async () => {
    const house = new House({ highWaterMark: 40_000 })
    const owner = await house.open()
    const listener = await house.join(owner.welcome.uuid)
    owner.connection.block()
    for (let n = 0; n < 30; n++) says(listener, 'clap', ['x'.repeat(1000)])
    expect(taken(await sayAll(house, owner, upTo(5)))).toEqual([])
    owner.connection.unblock()
    expect(taken(answers(owner))).toEqual(upTo(5))
  })

  test('of all listeners together is bounded, and told ten times a second at most', async () => {
    const house = new House({ feedbackBytes: 10_000 })
    const owner = await house.open()
    const listeners = await Promise.all(upTo(40).map(() => house.join(owner.welcome.uuid)))
    let told = 0
    for (let tenth = 0; tenth < 20; tenth++) {
      for (const listener of listeners) says(listener, 'clap', ['x'.repeat(4000)])
      house.clock.advance(100)
      const counts = dropped(owner)
      expect(counts.length).toBeLessThan(2)
      told += counts.reduce((sum, count) => sum + count, 0)
    }
    house.clock.advance(100)
    told += dropped(owner).reduce((sum, count) => sum + count, 0)
    const heard = broadcasts(owner.connection.received).length
    // Sixteen times what one may say, for three seconds: one at once.
    expect(heard * 4000).toBeGreaterThan(400_000)
    expect(heard * 4000).toBeLessThan(520_000)
    const wait = (member: Member) =>
      member.connection.received.filter(({ event }) => event?.type === 'error' && event.message.startsWith('the owner'))
    expect(told).toBe(listeners.flatMap(wait).length)
  })

  test('is not told to an owner that came after', async () => {
    const house = new House({ highWaterMark: 400 })
    const owner = await house.open()
    const { uuid, ownerKey } = owner.welcome
    const listener = await house.join(uuid)
    owner.connection.block()
    for (let n = 0; n < 5; n++) says(listener, 'clap', ['x'.repeat(400)])
    const back = await house.takeBack(uuid, ownerKey!)
    house.clock.advance(1000)
    back.session.drained()
    house.clock.advance(1000)
    expect(dropped(back)).toEqual([])
  })
})

describe('[B4] nothing that comes in is free', () => {
  test('pings: who sends them without end is not read for a while, or cut off', async () => {
    for (const canRest of [true, false]) {
      const house = new House()
      const owner = await house.open()
      const listener = await house.join(owner.welcome.uuid)
      const rests = canRest ? restsOf(listener) : []
      // More than any client needs: an SDK pings every fifteen seconds.
      for (let n = 0; n < 190; n++) listener.session.receive(PING)
      expect([rests, listener.connection.closed]).toEqual([[], undefined])
      for (let n = 0; n < 300; n++) listener.session.receive(PING)
      expect(Math.max(0, ...rests)).toBe(canRest ? 2010 : 0)
      expect(listener.connection.closed?.code).toBe(canRest ? undefined : 4503)
    }
  })

  test('[R7] an answer that was asked for costs nothing; one that was not is wrong', async () => {
    const house = new House()
    const owner = await house.open()
    const { session, connection } = house.connect()
    let taken = 0
    const reporting = Object.assign(connection, { taken: (nonce: string) => nonce === 'asked' && taken++ >= 0 })
    session.receive(JSON.stringify(message(2, { uuid: owner.welcome.uuid, can: ['taken'] })))
    await house.settle()
    for (let n = 0; n < 10_000; n++) session.receive(JSON.stringify(message(3, { taken: 'asked' })))
    expect([taken, reporting.closed]).toEqual([10_000, undefined])
    for (const member of [await house.join(owner.welcome.uuid), { session, connection }]) {
      for (let n = 0; n < 21; n++) member.session.receive(JSON.stringify(message(3, { taken: 'made up' })))
      expect(member.connection.received).toContainEqual(
        expect.objectContaining({ event: expect.objectContaining({ code: 'bad_message', field: 'taken' }) }),
      )
      expect(member.connection.closed?.code).toBe(4503)
    }
  })
})

/** Gives the line of `member` a way not to be read; returns for how long each time. */
function restsOf({ connection }: Member): number[] {
  const rests: number[] = []
  Object.assign(connection, { rest: (ms: number) => rests.push(ms) })
  return rests
}
