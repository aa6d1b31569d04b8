import { describe, expect, test } from 'vitest'
import { broadcasts, House, says } from '../support/doubles.ts'
import { message } from '../support/socket.ts'

const state = { stateMessage: true }

describe('opening and joining', () => {
  test('[O1] [J3] the reply to opening carries uuid, key, client, place and limits', async () => {
    const house = new House()
    const { welcome } = await house.open()
    expect(welcome).toMatchObject({
      status: { value: 3 },
      funcKey: '',
      funcParams: [],
      stateMessage: false,
      role: 'owner',
      position: { seq: 0 },
      replay: 0,
      recovered: false,
      limits: { messageBytes: 65_536, stateBytes: 1_048_576, stateEntries: 10_000 },
    })
    expect(welcome.uuid).toMatch(/^[0-9a-f-]{36}$/)
    expect(welcome.ownerKey).toBeTruthy()
  })

  test('[O1] no listener and no later message sees the key', async () => {
    const house = new House()
    const owner = await house.open()
    const listener = await house.join(owner.welcome.uuid)
    says(owner, 'slide', [1], { ...state, id: 'a', ownerKey: owner.welcome.ownerKey })
    says(listener, 'clap')
    await house.settle()
    house.clock.advance(1000)
    const later = [...owner.connection.received.slice(1), ...listener.connection.received]
    expect(later.length).toBeGreaterThan(4)
    expect(JSON.stringify(later)).not.toContain(owner.welcome.ownerKey)
  })

  test('[J1] a listener first gets the welcome, then the replay, then what is broadcast', async () => {
    const house = new House()
    const owner = await house.open()
    says(owner, 'slide', [1], state)
    says(owner, 'pointer', [9])
    await house.settle()
    const listener = await house.join(owner.welcome.uuid)
    says(owner, 'pointer', [10])
    await house.settle()
    expect(listener.connection.received).toMatchObject([
      { funcKey: '', role: 'listener', replay: 1, position: { seq: 2 } },
      { funcKey: 'slide', funcParams: [1], seq: 1, replay: true },
      { funcKey: 'pointer', funcParams: [10], seq: 3 },
    ])
    expect(listener.connection.received[2]).not.toHaveProperty('replay')
  })

  test.each([
    ['unknown', '00000000-0000-4000-8000-00000000ffff'],
    ['malformed', 'room'],
    ['empty', ''],
  ])('[J2] joining an %s room is refused with a reason', async (_, uuid) => {
    const house = new House()
    const { connection } = await house.join(uuid)
    expect(connection.received).toMatchObject([{ status: { value: 0 }, event: { code: 'room_not_found' } }])
    expect(connection.closed?.code).toBe(4500)
  })

  test('[J2] an address that names another room than the message does is refused', async () => {
    const house = new House()
    const owner = await house.open()
    const other = await house.open()
    const listener = await house.enter(message(2, { uuid: owner.welcome.uuid }), other.welcome.uuid)
    expect(listener.connection.closed?.code).toBe(4500)
  })

  test('[J4] who says nothing valid in time is closed; who came in is not', async () => {
    const house = new House()
    const silent = house.connect()
    const babbling = house.connect()
    babbling.session.receive('what')
    const owner = await house.open()
    house.clock.advance(9999)
    expect(silent.connection.closed).toBeUndefined()
    house.clock.advance(1)
    expect(silent.connection.closed?.code).toBe(4000)
    expect(babbling.connection.closed?.code).toBe(4000)
    expect(owner.connection.closed).toBeUndefined()
  })

  test('what is said while being let in is heard after, in order', async () => {
    const house = new House()
    const owner = await house.open()
    const { session } = house.connect()
    const { uuid } = owner.welcome
    session.receive(JSON.stringify(message(2, { uuid })))
    for (const n of [1, 2, 3]) session.receive(JSON.stringify(message(3, { uuid, funcKey: 'clap', funcParams: [n] })))
    await house.settle()
    expect(broadcasts(owner.connection.received)).toEqual(['clap:1', 'clap:2', 'clap:3'])
  })

  test('a client that goes while it is let in leaves nothing behind', async () => {
    const house = new House()
    const owner = await house.open()
    const { session } = house.connect()
    session.receive(JSON.stringify(message(2, { uuid: owner.welcome.uuid })))
    session.gone()
    await house.settle()
    house.clock.advance(1000)
    expect(owner.connection.received.findLast(({ event }) => event?.type === 'listeners')).toMatchObject({
      event: { count: 0, joined: [], left: [] },
    })
  })
})

describe('broadcasting', () => {
  test('[C2] all listeners get the same, in the same order, with a seq that grows by one; the owner gets none', async () => {
    const house = new House()
    const owner = await house.open()
    const listeners = await Promise.all([1, 2, 3].map(() => house.join(owner.welcome.uuid)))
    for (let n = 1; n <= 100; n++) {
      says(owner, 'n', [n])
      if (n % 7 === 0) await house.settle()
    }
    await house.settle()
    for (const { connection } of listeners) {
      expect(connection.received.slice(1).map(({ seq, funcParams }) => [seq, ...funcParams])).toEqual(
        Array.from({ length: 100 }, (_, i) => [i + 1, i + 1]),
      )
    }
    expect(broadcasts(owner.connection.received)).toEqual([])
  })

  test('[C1] [C5] a listener that broadcasts is heard by the owner alone, and stores nothing', async () => {
    const house = new House()
    const owner = await house.open()
    const [one, two] = [await house.join(owner.welcome.uuid), await house.join(owner.welcome.uuid)]
    says(one, 'slide', [7], state)
    await house.settle()
    expect(broadcasts(two.connection.received)).toEqual([])
    expect(owner.connection.received.at(-1)).toMatchObject({
      status: { value: 3 },
      funcKey: 'slide',
      funcParams: [7],
      stateMessage: false,
      from: one.welcome.clientId,
    })
    expect((await house.join(owner.welcome.uuid)).welcome.replay).toBe(0)
  })

  test('[C1] a listener that closes leaves; the room lives', async () => {
    const house = new House()
    const owner = await house.open()
    const { uuid } = owner.welcome
    const [one, two] = [await house.join(uuid), await house.join(uuid)]
    one.session.receive(JSON.stringify(message(4, { uuid })))
    says(owner, 'n', [1])
    await house.settle()
    expect(one.connection.closed?.code).toBe(1000)
    expect(broadcasts(two.connection.received)).toEqual(['n:1'])
  })

  test('[C3] a broadcast with an id is acknowledged with its place', async () => {
    const house = new House()
    const owner = await house.open()
    says(owner, 'n', [1])
    says(owner, 'n', [2], { id: 'second' })
    await house.settle()
    expect(owner.connection.fresh().slice(1)).toMatchObject([
      { status: { value: 5 }, event: { type: 'ack', id: 'second', position: { seq: 2 } } },
    ])
  })

  test('[C3] the same id again is acknowledged, and not broadcast twice', async () => {
    const house = new House()
    const owner = await house.open()
    const listener = await house.join(owner.welcome.uuid)
    for (const n of [1, 2, 1]) says(owner, 'n', [n], { id: `id${n}` })
    await house.settle()
    expect(broadcasts(listener.connection.received)).toEqual(['n:1', 'n:2'])
    const acks = owner.connection.received.filter(({ event }) => event?.type === 'ack')
    expect(acks.map(({ event }) => event)).toMatchObject([
      { id: 'id1', position: { seq: 1 } },
      { id: 'id2', position: { seq: 2 } },
      { id: 'id1', position: { seq: 1 } },
    ])
  })

  test.each([
    ['all', [true, true, true]],
    ['others', [false, true, true]],
    ['self', [true, false, false]],
  ])('[C4] to %s', async (to, reached) => {
    const house = new House()
    const owner = await house.open()
    const members = [owner, await house.join(owner.welcome.uuid), await house.join(owner.welcome.uuid)]
    says(owner, 'n', [1], { to })
    await house.settle()
    expect(members.map(({ connection }) => broadcasts(connection.received).length === 1)).toEqual(reached)
  })

  test('[C4] to a list: those alone get it, it takes no seq and is not stored', async () => {
    const house = new House()
    const owner = await house.open()
    const { uuid } = owner.welcome
    const [one, two] = [await house.join(uuid), await house.join(uuid)]
    says(owner, 'psst', [1], { to: [two.welcome.clientId], id: 'x' })
    says(owner, 'n', [2])
    await house.settle()
    expect(broadcasts(one.connection.received)).toEqual(['n:2'])
    expect(broadcasts(two.connection.received)).toEqual(['psst:1', 'n:2'])
    const [psst, n] = two.connection.received.slice(1)
    expect(psst).not.toHaveProperty('seq')
    expect(n).toMatchObject({ seq: 1 })
    expect(owner.connection.received).toContainEqual(
      expect.objectContaining({ event: expect.objectContaining({ type: 'ack', id: 'x' }) }),
    )
  })

  test('[C4] [C5] to a client that is not there, nobody gets it', async () => {
    const house = new House()
    const owner = await house.open()
    const listener = await house.join(owner.welcome.uuid)
    says(owner, 'psst', [1], { to: [listener.welcome.clientId, 'nobody'], id: 'x' })
    await house.settle()
    expect(broadcasts(listener.connection.received)).toEqual([])
    expect(owner.connection.received.at(-1)).toMatchObject({
      event: { type: 'error', code: 'unknown_client', field: 'to', id: 'x' },
    })
  })
})

describe('ending', () => {
  test('[E1] closing: every client gets status 0, then 1000; later joins are refused', async () => {
    const house = new House()
    const owner = await house.open()
    const { uuid } = owner.welcome
    const listeners = [await house.join(uuid), await house.join(uuid)]
    says(owner, 'last', [1])
    owner.session.receive(JSON.stringify(message(4, { uuid })))
    await house.settle()
    for (const { connection } of listeners) {
      expect(connection.received.slice(1)).toMatchObject([
        { funcKey: 'last' },
        { status: { value: 0 }, event: { code: 'room_closed' } },
      ])
    }
    for (const { connection } of [owner, ...listeners]) {
      expect(connection.received.at(-1)).toMatchObject({ uuid, status: { value: 0 } })
      expect(connection.closed?.code).toBe(1000)
    }
    expect((await house.join(uuid)).connection.closed?.code).toBe(4500)
  })

  test('[E2] an owner that drops: listeners are told, late ones are served, and after the grace time the room ends', async () => {
    const house = new House({ grace: 60_000 })
    const owner = await house.open()
    const { uuid } = owner.welcome
    const early = await house.join(uuid)
    says(owner, 'slide', [1], state)
    await house.settle()
    owner.session.gone()
    await house.settle()
    expect(early.connection.received.at(-1)).toMatchObject({ uuid, event: { type: 'owner', here: false } })
    const late = await house.join(uuid)
    expect(late.connection.received.slice(1)).toMatchObject([
      { funcKey: 'slide' },
      { event: { type: 'owner', here: false } },
    ])
    house.clock.advance(59_999)
    await house.manager.expire()
    await house.settle()
    expect(late.connection.closed).toBeUndefined()
    house.clock.advance(1)
    await house.manager.expire()
    await house.settle()
    for (const { connection } of [early, late]) {
      expect(connection.received.at(-1)).toMatchObject({ status: { value: 0 }, event: { code: 'room_abandoned' } })
      expect(connection.closed?.code).toBe(1000)
    }
    expect((await house.join(uuid)).connection.closed?.code).toBe(4500)
  })
})

describe('who comes and goes', () => {
  test('the owner is told, many in one event', async () => {
    const house = new House()
    const owner = await house.open()
    const listeners = await Promise.all(Array.from({ length: 250 }, () => house.join(owner.welcome.uuid)))
    listeners[0]!.session.gone()
    house.clock.advance(100)
    listeners[1]!.session.gone()
    house.clock.advance(100)
    const events = owner.connection.received.filter(({ event }) => event?.type === 'listeners')
    expect(events.map(({ event }) => event)).toMatchObject([
      { count: 249, joined: { length: 99 }, left: [] },
      { count: 248, joined: [], left: [listeners[1]!.welcome.clientId] },
    ])
  })

  test('a room that nobody is in is not held', async () => {
    const house = new House()
    const owner = await house.open()
    expect(house.manager.size).toBe(1)
    owner.session.gone()
    await house.settle()
    expect(house.manager.size).toBe(0)
    const listener = await house.join(owner.welcome.uuid)
    expect(listener.connection.closed).toBeUndefined()
    expect(house.manager.size).toBe(1)
  })

  test('a line that is slow to close after its room was lost costs those nothing who are in it again', async () => {
    const house = new House()
    const former = await house.open()
    const { uuid } = former.welcome
    await house.log.end(uuid, 1, 'room_lost')
    await house.settle()
    await house.log.create(uuid, await house.secrets.hash('key'))
    const listener = await house.join(uuid)
    former.session.gone()
    await house.settle()
    const owner = await house.takeBack(uuid, 'key')
    says(owner, 'slide', [1])
    await house.settle()
    expect(broadcasts(listener.connection.received)).toEqual(['slide:1'])
  })

  test('asking for rooms that are not there keeps nothing', async () => {
    const house = new House()
    for (let n = 0; n < 100; n++) await house.join(`00000000-0000-4000-8000-${String(n).padStart(12, 'f')}`)
    await house.settle()
    expect(house.manager.size).toBe(0)
    expect(house.clock.pending).toBe(0)
  })
})
