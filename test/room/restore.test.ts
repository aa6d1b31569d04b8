import { expect, test } from 'vitest'
import type { Membership } from '../../src/room/ports.ts'
import { Session } from '../../src/room/session.ts'
import { broadcasts, House, SteppedConnection, says } from '../support/doubles.ts'
import { message } from '../support/socket.ts'

/** A line that remembers what its client is, as one does whose room may be put to sleep. */
class LastingConnection extends SteppedConnection {
  member: Membership | undefined

  remember(member: Membership): void {
    this.member = member
  }
}

async function enter(house: House, first: object) {
  const connection = new LastingConnection()
  const session = new Session(house.manager, house.house, connection)
  session.receive(JSON.stringify(first))
  await house.settle()
  const [welcome] = connection.fresh()
  return { session, connection, welcome: welcome! }
}

type Member = Awaited<ReturnType<typeof enter>>

/** Another process with the same log takes up the room, and the lines of `members`. */
async function wake(old: House, members: readonly Member[]): Promise<{ house: House; members: Member[] }> {
  const house = new House({}, old.log, old)
  const room = await house.manager.room(members[0]!.welcome.uuid)
  const woken = members.map(({ connection, welcome }) => {
    const session = new Session(house.manager, house.house, connection)
    session.restore(room!, connection.member!)
    return { session, connection, welcome }
  })
  await house.settle()
  return { house, members: woken }
}

test('[R4] a room that slept goes on where it was, and tells nobody of it', async () => {
  const before = new House()
  const owner = await enter(before, message(1, { can: ['feedback'] }))
  const { uuid } = owner.welcome
  const listener = await enter(before, message(2, { uuid }))
  says(owner, 'slide', [1], { stateMessage: true })
  before.clock.advance(100)
  await before.settle()
  expect(broadcasts(listener.connection.fresh())).toEqual(['slide:1'])
  owner.connection.fresh()

  const { house, members } = await wake(before, [owner, listener])
  house.clock.advance(house.limits.handshake)
  expect(members.flatMap(({ connection }) => connection.fresh())).toEqual([])

  says(members[0]!, 'slide', [2], { id: 'a' })
  await house.settle()
  expect(broadcasts(listener.connection.fresh())).toEqual(['slide:2'])
  expect(owner.connection.fresh()).toMatchObject([{ event: { type: 'ack', position: { seq: 2 } } }])
  says(members[1]!, 'clap')
  expect(owner.connection.fresh()).toMatchObject([{ funcKey: 'clap', from: listener.welcome.clientId }])
  members[1]!.session.gone()
  house.clock.advance(100)
  expect(owner.connection.fresh()).toMatchObject([{ event: { type: 'listeners', count: 0 } }])
})

test('[R6] a listener that was left to drain is not forgotten in its sleep', async () => {
  const before = new House({ highWaterMark: 1000 })
  const owner = await enter(before, message(1))
  const listener = await enter(before, message(2, { uuid: owner.welcome.uuid }))
  listener.connection.block()
  for (let n = 1; n <= 3; n++) {
    says(owner, 'slide', [n, 'x'.repeat(1000)], { stateMessage: true })
    await before.settle()
  }
  expect(listener.connection.member).toMatchObject({ behind: 1 })

  const { house, members } = await wake(before, [owner, listener])
  listener.connection.unblock()
  members[1]!.session.drained()
  await house.settle()
  expect(listener.connection.fresh()).toMatchObject([
    { seq: 1 },
    { event: { type: 'lagged', position: { seq: 3 } } },
    { seq: 3, replay: true },
  ])
  expect(listener.connection.member).not.toHaveProperty('behind')
})

test('[O3] who handed the room over wakes up as a listener, and an owner of an older term not at all', async () => {
  const before = new House()
  const owner = await enter(before, message(1))
  const { uuid } = owner.welcome
  const heir = await enter(before, message(2, { uuid }))
  owner.session.receive(JSON.stringify(message(3, { uuid, handover: heir.welcome.clientId })))
  await before.settle()
  const offer = heir.connection.fresh().find(({ event }) => event?.type === 'handover')!.event
  const second = await enter(before, message(1, { uuid, ownerKey: (offer as { ownerKey?: string }).ownerKey }))
  expect(owner.connection.member).toMatchObject({ role: 'listener', term: 0 })
  expect(second.connection.member).toMatchObject({ role: 'owner', term: 2 })

  second.connection.remember({ ...second.connection.member!, term: 1 })
  await wake(before, [owner, second])
  expect(owner.connection.closed).toBeUndefined()
  expect(second.connection.closed).toMatchObject({ code: 4005 })
})

test('[C1] an owner that takes no feedback takes none after its sleep', async () => {
  const before = new House()
  const owner = await enter(before, message(1))
  const listener = await enter(before, message(2, { uuid: owner.welcome.uuid }))
  const { house, members } = await wake(before, [owner, listener])
  says(members[1]!, 'clap', [], { id: 'a' })
  await house.settle()
  expect(broadcasts(owner.connection.received)).toEqual([])
  expect(listener.connection.received.at(-1)).toMatchObject({ event: { code: 'feedback_unsupported', id: 'a' } })
})

test('[R4] who was in the middle of a replay gets it anew; an owner, who was to be told more after it, comes again', async () => {
  const before = new House({ highWaterMark: 1000 })
  const owner = await enter(before, message(1))
  const { uuid, ownerKey } = owner.welcome
  for (let n = 1; n <= 20; n++) says(owner, `k${n}`, ['x'.repeat(200)], { stateMessage: true })
  await before.settle()
  const blocked = () => {
    const connection = new LastingConnection()
    connection.block()
    return { connection, session: new Session(before.manager, before.house, connection) }
  }
  const late = blocked()
  late.session.receive(JSON.stringify(message(2, { uuid })))
  await before.settle()
  expect(late.connection.member).toMatchObject({ behind: -1 })
  const back = blocked()
  back.session.receive(JSON.stringify(message(1, { uuid, ownerKey })))
  await before.settle()

  const { house, members } = await wake(before, [
    { ...late, welcome: owner.welcome },
    { ...back, welcome: owner.welcome },
  ])
  expect(back.connection.closed).toMatchObject({ code: 4005 })
  house.clock.advance(house.limits.grace)
  await house.manager.expire()
  late.connection.unblock()
  members[0]!.session.drained()
  await house.settle()
  const received = late.connection.fresh()
  const at = received.findIndex(({ event }) => event?.type === 'lagged')
  expect(received[at]).toMatchObject({ event: { reset: true, replay: 20, position: { seq: 20 } } })
  expect(received.slice(at + 1, at + 21).map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
  // The log was told that its owner is not here.
  expect(received.at(-1)).toMatchObject({ event: { code: 'room_abandoned' } })
})
