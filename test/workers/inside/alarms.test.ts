import { evictDurableObject, runDurableObjectAlarm } from 'cloudflare:test'
import { exports } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SqliteLog } from '../../../src/logs/sqlite.ts'
import { message, say } from '../../support/messages.ts'
import { Client } from './client.ts'
import { evict, objectOf, storedOf } from './objects.ts'

/** What vitest.config.ts sets, in milliseconds. */
const HANDSHAKE = 2000
const GRACE = 60_000

/** src/workers/config.ts */
const WRITE_DEADLINE = 30_000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
})

afterEach(() => {
  vi.useRealTimers()
})

/** As if `ms` had passed, of which an object that sleeps sees nothing but its alarm. */
async function pass(uuid: string, ms: number, sleeps: boolean): Promise<void> {
  if (sleeps) await evict(uuid)
  vi.setSystemTime(Date.now() + ms)
  expect(await runDurableObjectAlarm(objectOf(uuid))).toBe(true)
}

async function openRoom() {
  const { client: owner, welcome } = await Client.enter(message(1, { can: ['feedback', 'taken'] }))
  return { owner, uuid: welcome.uuid, ownerKey: welcome.ownerKey }
}

/** A room and a listener of it that has been left to drain. */
async function leaveBehind() {
  const { owner, uuid } = await openRoom()
  const { client: stuck } = await Client.enter(message(2, { uuid, can: ['taken'] }))
  stuck.stall()
  const { client: reader } = await Client.enter(message(2, { uuid, can: ['taken'] }))
  for (let n = 1; n <= 20; n++) {
    owner.send(say(uuid, 'slide', [n, 'x'.repeat(40_000)], { stateMessage: true }))
    await reader.nextBroadcast()
  }
  expect(stuck.unread).toBeLessThan(400_000)
  return { uuid, owner, stuck }
}

/** The listener takes something; the room has heard that when it answers what is said next. */
async function takeSome(owner: Client, stuck: Client, uuid: string): Promise<void> {
  stuck.readOn()
  stuck.send(say(uuid, 'clap'))
  await owner.nextBroadcast()
}

async function isClosedAsTooSlow(listener: Client): Promise<void> {
  expect(await listener.next(({ status }) => status.value === 0)).toMatchObject({ event: { code: 'too_slow' } })
  expect(await listener.closed()).toMatchObject({ code: 4001 })
}

describe.each([false, true])('with an object that sleeps: %s', (sleeps) => {
  test('[J4] a socket that says nothing is closed, and leaves nothing where there is no room', async () => {
    const uuid = crypto.randomUUID()
    const client = await Client.connect(`/rooms/${uuid}/socket`)
    await pass(uuid, HANDSHAKE, sleeps)
    expect(await client.next()).toMatchObject({ status: { value: 0 }, event: { code: 'handshake_timeout' } })
    expect(await client.closed()).toMatchObject({ code: 4000 })
    expect(await storedOf(uuid)).toMatchObject({ tables: [] })
  })

  test('[J4] who is in stays in, and so does who comes in time after all', async () => {
    const { owner, uuid } = await openRoom()
    const late = await Client.connect(`/rooms/${uuid}/socket`)
    await pass(uuid, HANDSHAKE / 2, sleeps)
    late.send(message(2, { uuid }))
    expect(await late.next()).toMatchObject({ role: 'listener' })
    await pass(uuid, HANDSHAKE, sleeps)
    owner.send(say(uuid, 'slide', [1]))
    expect(await late.nextBroadcast()).toMatchObject({ funcParams: [1] })
  })

  test('[E2] the grace time: the room ends with its reason, and leaves nothing', async () => {
    const { owner, uuid, ownerKey } = await openRoom()
    const { client: listener } = await Client.enter(message(2, { uuid }))
    owner.close()
    expect(await listener.nextEvent('owner')).toMatchObject({ event: { here: false } })
    await pass(uuid, GRACE / 2, sleeps)
    const { client: back } = await Client.enter(message(1, { uuid, ownerKey }))
    await listener.nextEvent('owner')
    await pass(uuid, GRACE, sleeps)
    back.send(say(uuid, 'slide', [1], { stateMessage: true }))
    await listener.nextBroadcast()
    back.close()
    await listener.nextEvent('owner')
    await pass(uuid, GRACE, sleeps)
    expect(await listener.next(({ status }) => status.value === 0)).toMatchObject({ event: { code: 'room_abandoned' } })
    expect(await listener.closed()).toMatchObject({ code: 1000 })
    expect(await storedOf(uuid)).toEqual({ tables: [], alarm: null })
  })

  test('[E2] [O1] a room that was opened with no socket, and that nobody took', async () => {
    const answer = await exports.default.fetch('http://localhost/rooms', { method: 'POST' })
    const { uuid } = (await answer.json()) as { uuid: string }
    expect((await storedOf(uuid)).tables).toContain('rooms')
    await pass(uuid, GRACE, sleeps)
    expect(await storedOf(uuid)).toEqual({ tables: [], alarm: null })
  })

  test('[R6] a listener that takes nothing more is left to drain, and closed after the write deadline', async () => {
    const { uuid, owner, stuck } = await leaveBehind()
    await pass(uuid, WRITE_DEADLINE - 1, sleeps)
    await takeSome(owner, stuck, uuid)
    await pass(uuid, WRITE_DEADLINE - 1, sleeps)
    await takeSome(owner, stuck, uuid)
    await pass(uuid, WRITE_DEADLINE, sleeps)
    stuck.resume()
    await isClosedAsTooSlow(stuck)
  })

  test('[R6] one that drains gets what has changed, and goes on', async () => {
    const { uuid, owner, stuck } = await leaveBehind()
    if (sleeps) await evict(uuid)
    stuck.resume()
    expect(await stuck.nextEvent('lagged')).toMatchObject({ event: { replay: 1, position: { seq: 20 } } })
    expect(await stuck.nextBroadcast()).toMatchObject({ seq: 20, replay: true })
    owner.send(say(uuid, 'slide', [21]))
    expect(await stuck.nextBroadcast()).toMatchObject({ seq: 21 })
  })

  test('[R7] a client that does not say what it takes is taken to drain as time passes', async () => {
    const { owner, uuid } = await openRoom()
    const { client: silent } = await Client.enter(message(2, { uuid }))
    silent.stall()
    const { client: reader } = await Client.enter(message(2, { uuid, can: ['taken'] }))
    for (let n = 1; n <= 30; n++) {
      owner.send(say(uuid, 'slide', [n, 'x'.repeat(40_000)], { stateMessage: true }))
      await reader.nextBroadcast()
    }
    expect(silent.unread).toBeLessThan(400_000)
    await pass(uuid, 3000, sleeps)
    silent.resume()
    expect(await silent.nextEvent('lagged')).toMatchObject({ event: { replay: 1, position: { seq: 30 } } })
    expect(await silent.nextBroadcast()).toMatchObject({ seq: 30, replay: true })
    owner.send(say(uuid, 'slide', [31]))
    expect(await silent.nextBroadcast()).toMatchObject({ seq: 31 })
  })
})

describe.each([false, true])('an alarm that goes off late, at an object that sleeps: %s', (sleeps) => {
  test('[E2] nobody could come back meanwhile: the grace time starts anew, once', async () => {
    const { owner, uuid, ownerKey } = await openRoom()
    owner.send(say(uuid, 'slide', [1], { stateMessage: true, id: 'slide' }))
    await owner.nextEvent('ack')
    const { client: listener } = await Client.enter(message(2, { uuid }))
    owner.close()
    await listener.nextEvent('owner')
    await pass(uuid, GRACE + 600_000, sleeps)
    const { client: back, welcome } = await Client.enter(message(1, { uuid, ownerKey }))
    expect(welcome).toMatchObject({ role: 'owner', replay: 1 })
    back.close()
    await listener.nextEvent('owner')
    await pass(uuid, GRACE + 600_000, sleeps)
    await pass(uuid, GRACE, sleeps)
    expect(await listener.next(({ status }) => status.value === 0)).toMatchObject({ event: { code: 'room_abandoned' } })
    expect(await storedOf(uuid)).toEqual({ tables: [], alarm: null })
  })

  test('[E2] one that is a little late is none', async () => {
    const { owner, uuid } = await openRoom()
    const { client: listener } = await Client.enter(message(2, { uuid }))
    owner.close()
    await listener.nextEvent('owner')
    await pass(uuid, GRACE + 5000, sleeps)
    expect(await listener.next(({ status }) => status.value === 0)).toMatchObject({ event: { code: 'room_abandoned' } })
  })
})

test('[R4] [R7] a client that does not say what it takes gets all of a large state as time passes, and goes on', async () => {
  const { owner, uuid } = await openRoom()
  for (let n = 1; n <= 20; n++) {
    owner.send(say(uuid, `slide${n}`, [n, 'x'.repeat(45_000)], { stateMessage: true, id: `${n}` }))
    await owner.nextEvent('ack')
  }
  const { client: silent } = await Client.enter(message(2, { uuid }))
  for (let n = 1; n <= 20; n++) {
    await pass(uuid, 500, false)
    owner.send(say(uuid, 'tick', [n], { id: `tick${n}` }))
    await owner.nextEvent('ack')
  }
  await silent.next(({ funcKey }) => funcKey === 'slide20')
  owner.send(say(uuid, 'last', []))
  expect(await silent.next(({ funcKey }) => funcKey === 'last')).toMatchObject({ seq: 41 })
})

test('[R4] [R6] one that stops reading in the middle of a large state is closed after the write deadline', async () => {
  const { owner, uuid } = await openRoom()
  for (let n = 1; n <= 20; n++) {
    owner.send(say(uuid, `slide${n}`, [n, 'x'.repeat(45_000)], { stateMessage: true, id: `${n}` }))
    await owner.nextEvent('ack')
  }
  const stuck = await Client.connect()
  stuck.stall()
  stuck.send(message(2, { uuid, can: ['taken'] }))
  await expect.poll(() => stuck.unread).toBeGreaterThan(130_000)
  const before = stuck.unread
  stuck.readOn()
  await expect.poll(() => stuck.unread).toBeGreaterThan(before)
  await pass(uuid, WRITE_DEADLINE, false)
  stuck.resume()
  await isClosedAsTooSlow(stuck)
})

test('[E2] a room whose storage fails when it should end is looked at again, and ends', async () => {
  const { owner, uuid } = await openRoom()
  const { client: listener } = await Client.enter(message(2, { uuid }))
  owner.close()
  await listener.nextEvent('owner')
  for (const failing of ['end', 'abandoned', 'ownerlessSince'] as const) {
    const spy = vi.spyOn(SqliteLog.prototype, failing).mockRejectedValue(new Error('the storage failed'))
    await pass(uuid, failing === 'end' ? GRACE : 1000, false)
    spy.mockRestore()
    // Not at once: else it would follow upon itself for as long as the storage fails.
    expect((await storedOf(uuid)).alarm).toBe(Date.now() + 1000)
  }
  await pass(uuid, 1000, false)
  expect(await listener.next(({ status }) => status.value === 0)).toMatchObject({ event: { code: 'room_abandoned' } })
})

test('[E2] an owner whose room cannot be had when the object wakes has left it, also where listeners are', async () => {
  const { owner, uuid } = await openRoom()
  const { client: early } = await Client.enter(message(2, { uuid }))
  await evict(uuid)
  const spy = vi.spyOn(SqliteLog.prototype, 'follow').mockRejectedValue(new Error('the storage failed'))
  early.send(say(uuid, 'clap', [], { id: 'clap' }))
  for (const client of [owner, early]) expect(await client.closed()).toMatchObject({ code: 1012 })
  spy.mockRestore()
  const { client: listener } = await Client.enter(message(2, { uuid }))
  expect(await listener.nextEvent('owner')).toMatchObject({ event: { here: false } })
  await pass(uuid, GRACE, false)
  expect(await listener.next(({ status }) => status.value === 0)).toMatchObject({ event: { code: 'room_abandoned' } })
})

test('[E2] an object whose sockets all went with the machine knows by itself that its owner is gone', async () => {
  const { uuid } = await openRoom()
  await evictDurableObject(objectOf(uuid), { webSockets: 'close' })
  await pass(uuid, 3_600_000, false)
  await pass(uuid, GRACE, true)
  expect(await storedOf(uuid)).toEqual({ tables: [], alarm: null })
})
