import { describe, expect, test, vi } from 'vitest'
import { RoomError } from '../../src/room/errors.ts'
import { Room } from '../../src/room/room.ts'
import { broadcasts, House, says } from '../support/doubles.ts'

const state = { stateMessage: true }

describe('taking a room back', () => {
  test('[O2] with its key: the same room, its state replayed, the grace timer off', async () => {
    const house = new House({ grace: 1000 })
    const owner = await house.open()
    const { uuid, ownerKey } = owner.welcome
    const listener = await house.join(uuid)
    says(owner, 'slide', [3], state)
    owner.session.gone()
    await house.settle()
    const back = await house.takeBack(uuid, ownerKey!)
    expect(back.welcome).toMatchObject({ uuid, role: 'owner', replay: 1, position: { seq: 1 } })
    expect(back.welcome).not.toHaveProperty('ownerKey')
    expect(back.connection.received.slice(1)).toMatchObject([
      { funcKey: 'slide', replay: true },
      { event: { type: 'listeners', count: 1, joined: [listener.welcome.clientId] } },
    ])
    house.clock.advance(5000)
    await house.manager.expire()
    says(back, 'slide', [4], state)
    await house.settle()
    expect(listener.connection.fresh().slice(1)).toMatchObject([
      { funcKey: 'slide', funcParams: [3] },
      { event: { type: 'owner', here: false } },
      { event: { type: 'owner', here: true } },
      { funcKey: 'slide', funcParams: [4], seq: 2 },
    ])
  })

  test('[O2] a wrong key and an unknown room get the same answer', async () => {
    const house = new House()
    const { uuid, ownerKey } = (await house.open()).welcome
    const wrong = await house.takeBack(uuid, 'wrong')
    const unknown = await house.takeBack('00000000-0000-4000-8000-00000000ffff', ownerKey!)
    const malformed = await house.takeBack('room', ownerKey!)
    for (const { connection } of [unknown, malformed]) {
      expect(connection.received).toEqual(wrong.connection.received)
      expect(connection.closed).toEqual(wrong.connection.closed)
    }
    expect(wrong.connection.closed?.code).toBe(4501)
  })

  test('[O2] a failed try leaves owner, grace timer and room untouched', async () => {
    const house = new House({ grace: 1000 })
    const owner = await house.open()
    const { uuid } = owner.welcome
    const listener = await house.join(uuid)
    await house.takeBack(uuid, 'wrong')
    says(owner, 'n', [1])
    await house.settle()
    expect(broadcasts(listener.connection.received)).toEqual(['n:1'])
    owner.session.gone()
    await house.settle()
    house.clock.advance(999)
    await house.takeBack(uuid, 'wrong')
    house.clock.advance(1)
    await house.manager.expire()
    await house.settle()
    expect(listener.connection.closed?.code).toBe(1000)
  })

  test('[O3] the old owner is displaced, and what it still sends is refused', async () => {
    const house = new House()
    const owner = await house.open()
    const { uuid, ownerKey } = owner.welcome
    const listener = await house.join(uuid)
    const { connection, session } = owner
    // Its line hangs: it does not know yet.
    connection.close = () => {}
    const second = await house.takeBack(uuid, ownerKey!)
    expect(connection.received.at(-1)).toMatchObject({ status: { value: 0 }, event: { code: 'displaced' } })
    says(owner, 'old', [1], { id: 'old' })
    says(owner, 'old', [1], { to: [listener.welcome.clientId], id: 'whisper' })
    session.receive(JSON.stringify({ ...close, uuid }))
    says(second, 'new', [2])
    await house.settle()
    expect(broadcasts(listener.connection.received)).toEqual(['new:2'])
    expect(listener.connection.closed).toBeUndefined()
    const refusals = connection.received.filter(({ event }) => event?.type === 'error' && 'code' in event)
    expect(refusals.map(({ event }) => event).slice(1)).toMatchObject([
      { code: 'displaced', id: 'whisper' },
      { code: 'displaced', id: 'old' },
      { code: 'displaced' },
    ])
  })

  test('[O3] one that another has displaced before it was let in is told so: its key is as good as before', async () => {
    const house = new House()
    const { uuid, ownerKey } = (await house.open()).welcome
    const takeOver = house.log.takeOver.bind(house.log)
    vi.spyOn(house.log, 'takeOver').mockImplementationOnce(async (...asked) => {
      const first = await takeOver(...asked)
      await takeOver(...asked)
      return first
    })
    const loser = await house.takeBack(uuid, ownerKey!)
    expect(loser.connection.received).toMatchObject([{ status: { value: 0 }, event: { code: 'displaced' } }])
    expect(loser.connection.closed?.code).toBe(4502)
    expect((await house.takeBack(uuid, ownerKey!)).welcome).toMatchObject({ role: 'owner' })
  })

  test('[O3] a displaced owner is closed for good, and its going changes nothing', async () => {
    const house = new House({ grace: 1000 })
    const owner = await house.open()
    const { uuid, ownerKey } = owner.welcome
    const listener = await house.join(uuid)
    await house.takeBack(uuid, ownerKey!)
    expect(owner.connection.closed?.code).toBe(4502)
    owner.session.gone()
    await house.settle()
    house.clock.advance(5000)
    await house.manager.expire()
    await house.settle()
    expect(listener.connection.closed).toBeUndefined()
    expect(listener.connection.received.some(({ event }) => event?.type === 'owner')).toBe(false)
  })

  test('[R5] an owner that comes back with its place gets just what it missed', async () => {
    const house = new House()
    const owner = await house.open()
    const { uuid, ownerKey, position } = owner.welcome
    says(owner, 'a', [1], state)
    says(owner, 'b', [2], state)
    await house.settle()
    const back = await house.takeBack(uuid, ownerKey!, { since: { epoch: position!.epoch, seq: 1 } })
    expect(back.welcome).toMatchObject({ recovered: true, replay: 1 })
    expect(back.connection.received.slice(1)).toMatchObject([{ seq: 2, funcKey: 'b' }])
  })
})

describe('an owner that the log has let in, and whose room cannot be had', () => {
  const unavailable = () => Promise.reject(new RoomError('log_unavailable', 'out of reach'))
  const failures: Record<string, { follow: () => Promise<undefined>; code: number }> = {
    'cannot be followed': { follow: unavailable, code: 4005 },
    'is nowhere': { follow: async () => undefined, code: 4501 },
  }

  test.each(Object.entries(failures))(
    '[E2] it %s: the log is told that the owner left',
    async (_, { follow, code }) => {
      const house = new House({ grace: 1000 })
      // Not held here: it would not have to be followed.
      const { uuid, ownerKey } = await house.manager.create()
      const spy = vi.spyOn(house.log, 'follow').mockImplementation(follow)
      const back = await house.takeBack(uuid, ownerKey)
      expect(back.connection.closed?.code).toBe(code)
      spy.mockRestore()
      expect(await house.log.abandoned(house.clock.now())).toEqual([{ uuid, term: 2 }])
      house.clock.advance(1000)
      await house.manager.expire()
      expect((await house.join(uuid)).connection.closed?.code).toBe(4500)
    },
  )

  test.each(Object.entries(failures))('[O1] [E2] one of a room just opened, where it %s', async (_, { follow }) => {
    const house = new House()
    vi.spyOn(house.log, 'follow').mockImplementation(follow)
    const { connection } = await house.open()
    expect(connection.closed).toBeDefined()
    expect(await house.log.abandoned(house.clock.now())).toHaveLength(1)
    await house.settle()
    expect(house.manager.size).toBe(0)
  })

  test('[E2] it cannot be admitted: the log is told that the owner left', async () => {
    const house = new House({ grace: 1000 })
    const { session, welcome } = await house.open()
    const { uuid, ownerKey } = welcome
    session.gone()
    await house.settle()
    const admit = vi.spyOn(Room.prototype, 'admitOwner').mockImplementation(() => {
      throw new Error('a fault')
    })
    expect((await house.takeBack(uuid, ownerKey!)).connection.closed?.code).toBe(1011)
    admit.mockRestore()
    expect(await house.log.abandoned(house.clock.now())).toEqual([{ uuid, term: 2 }])
  })

  test('[E2] a log that cannot be told either is left in peace', async () => {
    const house = new House()
    vi.spyOn(house.log, 'follow').mockImplementation(unavailable)
    vi.spyOn(house.log, 'ownerLeft').mockImplementation(unavailable)
    expect((await house.open()).connection.closed?.code).toBe(4005)
  })
})

const close = { status: { value: 4, text: '' }, funcKey: '', funcParams: [], stateMessage: false }
