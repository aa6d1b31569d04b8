import { describe, expect, test } from 'vitest'
import { encodeBody } from '../../src/protocol/codec.ts'
import type { Entry, Snapshot } from '../../src/room/ports.ts'
import { broadcasts, House, type Member, says } from '../support/doubles.ts'

const state = { stateMessage: true }
const limits = { highWaterMark: 1000 }

/** A broadcast that the log has, `funcKey` its action and its key. */
function entry(uuid: string, seq: number, funcKey: string, funcParams: number[]): Entry {
  const body = encodeBody({ uuid, funcKey, funcParams, state: stored(funcKey), to: 'others', id: undefined })
  return { seq, term: 1, state: { key: funcKey, retain: 'latest' }, body, bytes: body.length }
}

function stored(key: string) {
  return { key, retain: 'latest', stateKey: undefined } as const
}

function other(uuid: string, fields: Partial<Snapshot> = {}): Snapshot {
  const slide = entry(uuid, 1, 'slide', [1])
  return { epoch: 'another', seq: 1, term: 1, ownerHere: true, state: [slide], tail: [slide], ...fields }
}

const events = ({ connection }: Member) => connection.fresh().flatMap(({ event }) => event ?? [])

async function roomWithTwo() {
  const house = new House(limits)
  const owner = await house.open()
  const { uuid } = owner.welcome
  const listeners = [await house.join(uuid), await house.join(uuid)]
  const room = (await house.manager.room(uuid))!
  const say = async (...params: unknown[]) => {
    says(owner, 'slide', params, state)
    await house.settle()
  }
  /** The log is out of reach while `meanwhile`, and then tells where it stands. */
  const restart = async (meanwhile: () => Promise<void>) => {
    house.log.unfollow(uuid, room)
    await meanwhile()
    await house.log.follow(uuid, (snapshot) => {
      room.restarted(snapshot)
      return room
    })
    await house.settle()
  }
  const read = () => {
    for (const { connection } of [owner, ...listeners]) connection.fresh()
  }
  return { house, owner, uuid, listeners, room, say, restart, read }
}

describe('[R5] a log that cannot tell one by one what was missed', () => {
  test('[R4] listeners start afresh, stand level, and then get what is live, with no gap', async () => {
    const { owner, listeners, say, restart, read } = await roomWithTwo()
    await say(1)
    read()
    await restart(async () => {
      await say(2)
      await say(3)
    })
    await say(4)
    for (const { connection, welcome } of listeners) {
      expect(connection.fresh()).toMatchObject([
        { event: { type: 'lagged', reset: true, replay: 1, position: { ...welcome.position, seq: 3 } } },
        { funcKey: 'slide', funcParams: [3], seq: 3, replay: true },
        { funcKey: 'slide', funcParams: [4], seq: 4 },
      ])
    }
    expect(events(owner)).toEqual([])
  })

  test('who comes back with a place that the new tail covers is recovered', async () => {
    const { house, uuid, listeners, say, restart } = await roomWithTwo()
    await say(1)
    await restart(() => say(2))
    const { epoch } = listeners[0]!.welcome.position!
    const back = await house.join(uuid, { since: { epoch, seq: 1 } })
    expect(back.welcome).toMatchObject({ recovered: true, replay: 1 })
  })

  test('of another epoch, with less in it: all start afresh, and the owner is told what is kept and that there was more', async () => {
    const { house, owner, uuid, listeners, room, say, read } = await roomWithTwo()
    await say(1)
    await say(2)
    read()
    room.restarted(other(uuid))
    room.published(entry(uuid, 2, 'slide', [5]))
    await house.settle()
    for (const { connection } of listeners) {
      // What is live by the time that they are written to, is in the state already.
      expect(connection.fresh()).toMatchObject([
        { event: { type: 'lagged', reset: true, replay: 1, position: { epoch: 'another', seq: 2 } } },
        { funcKey: 'slide', funcParams: [5], seq: 2, replay: true },
      ])
    }
    expect(owner.connection.fresh()).toMatchObject([
      { event: { type: 'lagged', reset: true, replay: 1, position: { epoch: 'another', seq: 1 } } },
      { funcKey: 'slide', funcParams: [1], seq: 1, replay: true },
      { event: { type: 'error', code: 'broadcasts_lost' } },
    ])
    room.published(entry(uuid, 3, 'slide', [6]))
    await house.settle()
    for (const { connection } of listeners) expect(connection.fresh()).toMatchObject([{ seq: 3, funcParams: [6] }])
    expect(owner.connection.fresh()).toEqual([])
  })

  test('of another epoch: a place in the old one is worth nothing', async () => {
    const { house, uuid, listeners, room, say } = await roomWithTwo()
    await say(1)
    room.restarted(other(uuid))
    const { epoch } = listeners[0]!.welcome.position!
    const back = await house.join(uuid, { since: { epoch, seq: 1 } })
    expect(back.welcome).toMatchObject({ recovered: false, replay: 1, position: { epoch: 'another', seq: 1 } })
    const level = await house.join(uuid, { since: { epoch: 'another', seq: 1 } })
    expect(level.welcome).toMatchObject({ recovered: true, replay: 0 })
  })

  test('[R6] a listener whose line is full is left to drain, and starts afresh then', async () => {
    const { house, uuid, listeners, room, say, read } = await roomWithTwo()
    const [slow] = listeners as [Member, Member]
    slow.connection.block()
    for (const n of [1, 2, 3]) await say(n, 'x'.repeat(1000))
    const { backlog } = slow.connection
    room.restarted(other(uuid))
    await house.settle()
    expect(slow.connection.backlog).toBe(backlog)
    slow.connection.unblock()
    read()
    slow.session.drained()
    await house.settle()
    expect(slow.connection.fresh()).toMatchObject([
      { event: { type: 'lagged', reset: true, position: { epoch: 'another', seq: 1 } } },
      { funcParams: [1], replay: true },
    ])
  })

  test('[E2] that the owner went meanwhile is told too', async () => {
    const { house, uuid, listeners, room, read } = await roomWithTwo()
    read()
    room.restarted(other(uuid, { ownerHere: false }))
    await house.settle()
    for (const listener of listeners) {
      expect(events(listener)).toMatchObject([{ type: 'lagged' }, { type: 'owner', here: false }])
    }
    room.restarted(other(uuid, { seq: 0, state: [], tail: [], epoch: 'third' }))
    await house.settle()
    for (const listener of listeners) {
      expect(events(listener)).toMatchObject([
        { type: 'lagged', reset: true, replay: 0, position: { epoch: 'third', seq: 0 } },
        { type: 'owner', here: true },
      ])
    }
  })

  test('[R6] what was announced in another epoch is not told again to who falls behind in this one', async () => {
    const { house, owner, uuid, listeners, room, say, read } = await roomWithTwo()
    for (const n of [1, 2, 3]) await say(n)
    owner.session.gone()
    await house.settle()
    room.restarted(other(uuid, { ownerHere: false }))
    await house.settle()
    const [slow] = listeners as [Member, Member]
    slow.connection.block()
    for (const seq of [2, 3, 4]) {
      const long = entry(uuid, seq, 'slide', Array(500).fill(seq))
      room.published(long)
      await house.settle()
    }
    read()
    slow.connection.unblock()
    slow.session.drained()
    await house.settle()
    expect(events(slow)).toMatchObject([{ type: 'lagged', position: { seq: 4 } }])
  })

  test('[O3] an owner that was displaced meanwhile is told that, and no more', async () => {
    const { owner, uuid, room, read } = await roomWithTwo()
    read()
    room.restarted(other(uuid, { term: 2 }))
    expect(events(owner)).toMatchObject([{ code: 'displaced' }])
    expect(owner.connection.closed?.code).toBe(4502)
  })

  test('[E1] that it has no such room any more ends the room', async () => {
    const { house, owner, uuid, listeners, room, read } = await roomWithTwo()
    read()
    room.restarted(other(uuid))
    room.ended('room_lost')
    await house.settle()
    for (const { connection } of [owner, ...listeners]) {
      expect(connection.received.at(-1)).toMatchObject({ status: { value: 0 }, event: { code: 'room_lost' } })
      expect(connection.closed?.code).toBe(1000)
    }
    expect(house.manager.size).toBe(0)
    expect(house.clock.pending).toBe(0)
  })
})

describe('a log that is out of reach', () => {
  test('everybody is told, once, and once more when it is back', async () => {
    const { house, owner, listeners, room, say, read } = await roomWithTwo()
    read()
    for (const isStale of [true, true, false, false]) room.stale(isStale)
    await say(1)
    const news = [
      { type: 'stale', stale: true },
      { type: 'stale', stale: false },
    ]
    for (const listener of listeners) expect(events(listener)).toEqual(news)
    house.clock.advance(100)
    expect(events(owner)).toMatchObject([...news, { type: 'listeners' }])
  })

  test('[J1] who comes meanwhile is told after the welcome, an owner that comes back too', async () => {
    const { house, owner, uuid, room, say } = await roomWithTwo()
    await say(1)
    room.stale(true)
    const late = await house.join(uuid)
    const back = await house.takeBack(uuid, owner.welcome.ownerKey!)
    for (const { connection } of [late, back]) {
      expect(connection.received.slice(0, 3)).toMatchObject([
        { funcKey: '', position: { seq: 1 } },
        { funcKey: 'slide', replay: true },
        { event: { type: 'stale', stale: true } },
      ])
    }
    room.stale(false)
    const later = await house.join(uuid)
    expect(broadcasts(later.connection.received)).toEqual(['slide:1'])
    expect(later.connection.received).toHaveLength(2)
  })
})
