import { expect, test } from 'vitest'
import { type Message, message, say } from '../../support/messages.ts'
import { Client } from './client.ts'
import { evict, storedOf } from './objects.ts'

const STEPS = 15

/** The whole of a show, with `pause` between any two steps. Resolves with what everybody got. */
async function show(pause: (uuid: string) => Promise<void>): Promise<unknown[]> {
  const { client: owner, welcome } = await Client.enter(message(1, { can: ['feedback'] }))
  const { uuid, ownerKey } = welcome
  await pause(uuid)
  const { client: ada, welcome: adas } = await Client.enter(message(2, { uuid }))
  await pause(uuid)
  const { client: ben } = await Client.enter(message(2, { uuid, can: ['lines', 'taken'] }), `/rooms/${uuid}/socket`)
  await pause(uuid)
  owner.send(say(uuid, 'slide', [1], { stateMessage: true, id: 'slide' }))
  await Promise.all([owner.nextEvent('ack'), ada.nextBroadcast(), ben.nextBroadcast()])
  await pause(uuid)
  owner.send(say(uuid, 'point', [1, 2]))
  await Promise.all([ada.nextBroadcast(), ben.nextBroadcast()])
  await pause(uuid)
  ben.send(say(uuid, 'clap', [], { id: 'clap' }))
  await Promise.all([owner.nextBroadcast(), ben.nextEvent('ack')])
  await pause(uuid)
  owner.send(say(uuid, 'whisper', [], { to: [adas.clientId] }))
  await ada.nextBroadcast()
  await pause(uuid)
  ada.send(message(4, { uuid }))
  expect(await ada.closed()).toMatchObject({ code: 1000 })
  await pause(uuid)
  const { client: late, welcome: lates } = await Client.enter(message(2, { uuid }))
  await late.nextBroadcast()
  await pause(uuid)
  owner.close()
  await Promise.all([ben, late].map((client) => client.nextEvent('owner')))
  await pause(uuid)
  const { client: back } = await Client.enter(message(1, { uuid, ownerKey, since: { ...welcome.position, seq: 1 } }))
  await Promise.all([back.nextBroadcast(), ben.nextEvent('owner'), late.nextEvent('owner')])
  await pause(uuid)
  back.send(say(uuid, 'ink', [7], { stateMessage: true, retain: 'append', id: 'ink' }))
  await Promise.all([back.nextEvent('ack'), ben.nextBroadcast(), late.nextBroadcast()])
  await pause(uuid)
  const since = { ...welcome.position, seq: 2 }
  const { client: again } = await Client.enter(message(2, { uuid, since }), `/rooms/${uuid}/socket`)
  await again.nextBroadcast()
  await pause(uuid)
  back.send(message(3, { uuid, handover: lates.clientId, id: 'offer' }))
  const offer = (await late.nextEvent('handover')).event as unknown as { ownerKey: string }
  await back.nextEvent('ack')
  await pause(uuid)
  const { client: heir } = await Client.enter(message(1, { uuid, ownerKey: offer.ownerKey }))
  await Promise.all([back.nextEvent('role'), ben.nextEvent('owner')])
  heir.send(say(uuid, 'slide', [2], { stateMessage: true }))
  await Promise.all([back, ben, late, again].map((client) => client.nextBroadcast()))
  await pause(uuid)
  heir.send(message(4, { uuid }))
  const members = [heir, back, ben, late, again]
  const closes = await Promise.all(members.map((client) => client.closed()))
  expect(closes.map(({ code }) => code)).toEqual([1000, 1000, 1000, 1000, 1000])
  expect(await storedOf(uuid)).toEqual({ tables: [], alarm: null })
  return [owner, ada, ...members].map(({ received }) => received.filter(isTold).map(withoutNames))
}

/** How the comings and goings fall into reports is a matter of tenths of a second. */
function isTold({ event }: Message): boolean {
  return event?.type !== 'listeners'
}

/** What differs from show to show: ids and keys. */
function withoutNames(told: Message): unknown {
  const hidden = ['uuid', 'clientId', 'ownerKey', 'epoch', 'from']
  return JSON.parse(JSON.stringify(told, (key, value) => (hidden.includes(key) ? key : value)))
}

test('an object that is put to sleep between any two steps of a session changes nothing of it', async () => {
  let steps = 0
  const undisturbed = await show(async () => {
    steps++
  })
  expect(steps).toBe(STEPS)
  expect(undisturbed.flat().length).toBeGreaterThan(40)
  expect(await show(evict)).toEqual(undisturbed)
  for (let only = 0; only < STEPS; only++) {
    let step = 0
    const disturbed = await show(async (uuid) => {
      if (step++ === only) await evict(uuid)
    })
    expect(disturbed, `put to sleep after step ${only + 1} only`).toEqual(undisturbed)
  }
}, 30_000)

test('who is counted is who is there, before and after', async () => {
  const { client: owner, welcome } = await Client.enter(message(1))
  const { uuid } = welcome
  const one = await Client.enter(message(2, { uuid }))
  expect(await owner.nextEvent('listeners')).toMatchObject({ event: { count: 1 } })
  await evict(uuid)
  const two = await Client.enter(message(2, { uuid }))
  expect(await owner.nextEvent('listeners')).toMatchObject({ event: { count: 2, joined: [two.welcome.clientId] } })
  await evict(uuid)
  one.client.close()
  expect(await owner.nextEvent('listeners')).toMatchObject({ event: { count: 1, left: [one.welcome.clientId] } })
})

test('[C1] an owner that takes no feedback is spared it after a sleep, and the listener is told', async () => {
  const { client: owner, welcome } = await Client.enter(message(1))
  const { uuid } = welcome
  const { client: listener } = await Client.enter(message(2, { uuid }))
  await owner.nextEvent('listeners')
  await evict(uuid)
  listener.send(say(uuid, 'clap', [], { id: 'a' }))
  expect((await listener.nextEvent('error')).event).toMatchObject({ code: 'feedback_unsupported', id: 'a' })
  expect(owner.received.some(({ funcKey }) => funcKey === 'clap')).toBe(false)
})

test('an owner that comes back is told of nobody, when all have left while the room slept', async () => {
  const { client: owner, welcome } = await Client.enter(message(1))
  const { uuid, ownerKey } = welcome
  const { client: one } = await Client.enter(message(2, { uuid }))
  expect(await owner.nextEvent('listeners')).toMatchObject({ event: { count: 1 } })
  owner.close()
  await one.nextEvent('owner')
  await evict(uuid)
  one.send(message(4, { uuid }))
  await one.closed()
  await evict(uuid)
  const { client: back } = await Client.enter(message(1, { uuid, ownerKey }))
  expect(await back.nextEvent('listeners')).toMatchObject({ event: { count: 0 } })
})

test('[E2] an owner that is closed for what it does not read is gone at once, though it never says that it is closed', async () => {
  const { welcome } = await Client.enter(message(1))
  const { uuid, ownerKey } = welcome
  const path = `/rooms/${uuid}/socket`
  const { client: listener } = await Client.enter(message(2, { uuid, can: ['lines', 'taken'] }), path)
  const { client: owner } = await Client.enter(message(1, { uuid, ownerKey }), path, false)
  owner.stall()
  for (let n = 1; n <= 60; n++) owner.send(say(uuid, 'own', ['x'.repeat(60_000)], { to: 'all' }))
  expect(await owner.closed()).toMatchObject({ code: 4001 })
  await listener.next(({ event }) => event?.type === 'owner' && event.here === false)
  await evict(uuid)
  const { client: late } = await Client.enter(message(2, { uuid }), path)
  expect(await late.nextEvent('owner')).toMatchObject({ event: { here: false } })
})
