import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Bystander } from '../support/bystander.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { joinRoom, type Message, message, openRoom, say, TestSocket } from '../support/socket.ts'

/** Messages that may wait while a client is let in, wrong ones that are forgiven at once, and feedback a second. */
const WAITING = 32
const FORGIVEN = 20
const FEEDBACK_RATE = 5

let server: TestServer
let bystander: Bystander

beforeAll(async () => {
  server = await startTestServer({ FEEDBACK_RATE: String(FEEDBACK_RATE) })
  bystander = await Bystander.enter(server.url)
})

afterEach(() => bystander.isUndisturbed())

afterAll(() => server.stop())

async function roomOfTwo() {
  const { owner, uuid, ownerKey } = await openRoom(server.url)
  const { listener } = await joinRoom(server.url, uuid)
  return { owner, uuid, ownerKey, listener }
}

function isGoodbye({ status }: Message): boolean {
  return status.value === 0
}

describe('[B1] [B2] too many', () => {
  test('[B1] feedback over the rate is refused, and the owner is spared it', async () => {
    const { owner, uuid, listener } = await roomOfTwo()
    const burst = 2 * FEEDBACK_RATE
    listener.tcp.cork()
    for (let i = 1; i <= burst + 1; i++) listener.send(say(uuid, 'clap', [i], { id: String(i) }))
    listener.tcp.uncork()
    expect((await listener.nextEvent('error')).event).toMatchObject({
      code: 'rate_limited',
      limit: FEEDBACK_RATE,
      retryAfter: expect.any(Number),
      message: expect.stringContaining(String(FEEDBACK_RATE)),
      id: String(burst + 1),
    })
    for (let i = 1; i <= burst; i++) expect(await owner.nextBroadcast()).toMatchObject({ funcParams: [i] })
    owner.send(say(uuid, 'good'))
    expect(await listener.nextBroadcast()).toMatchObject({ funcKey: 'good', seq: 1 })
    expect(owner.received.some(({ funcParams }) => funcParams[0] === burst + 1)).toBe(false)
  })

  test('[B1] feedback over the rate is refused without end, and no fault: who has waited is heard', async () => {
    const { owner, uuid, listener } = await roomOfTwo()
    const count = 10 * FORGIVEN
    for (let i = 1; i <= count; i++) listener.send(say(uuid, 'clap', [i], { id: String(i) }))
    const { event } = await listener.next(({ event }) => event?.type === 'error' && event.id === String(count))
    expect(event).toMatchObject({ code: 'rate_limited' })
    await pause((event as { retryAfter: number }).retryAfter)
    listener.send(say(uuid, 'clap', ['again']))
    await owner.next(({ funcParams }) => funcParams[0] === 'again')
  })

  test('what is no message: one error each, then the connection', async () => {
    const { owner, uuid, listener } = await roomOfTwo()
    for (let i = 0; i < 10 * FORGIVEN; i++) listener.send('nonsense')
    expect((await listener.next(isGoodbye)).event).toMatchObject({ code: 'too_many_errors' })
    expect(await listener.closed()).toMatchObject({ code: 4503 })
    const errors = listener.received.filter(({ event }) => event?.type === 'error').length
    expect(errors).toBeGreaterThanOrEqual(FORGIVEN)
    expect(errors).toBeLessThan(FORGIVEN + 10)
    owner.send(say(uuid, 'good', [], { id: 'good' }))
    expect((await owner.nextEvent('ack')).event).toMatchObject({ position: { seq: 1 } })
  })

  test.each([
    ['broadcasts before joining', 'new'],
    ['joins of who is in', 'in'],
    ['broadcasts of another room', 'astray'],
  ])('%s, without end: the connection', async (_, stage) => {
    const { owner, uuid } = await roomOfTwo()
    const socket = stage === 'new' ? await TestSocket.connect(`${server.url}/broadcasting`) : owner
    const request = stage === 'in' ? message(2, { uuid }) : say(bystander.uuid, 'astray')
    for (let i = 0; i < 10 * FORGIVEN; i++) socket.send(request)
    // Whoever is still heard after that gets an answer to this.
    socket.send(stage === 'new' ? message(1) : say(uuid, 'heard', [], { to: 'self' }))
    const last = await socket.next((m) => isGoodbye(m) || m.status.value === 3)
    expect(last).toMatchObject({ event: { code: 'too_many_errors' } })
    expect(await socket.closed()).toMatchObject({ code: 4503 })
  })

  test.each([WAITING, WAITING + 1])('%i messages while being let in', async (count) => {
    const { owner, uuid, listener, ownerKey } = await roomOfTwo()
    const socket = await TestSocket.connect(`${server.url}/broadcasting`)
    // In one write, so that all of them are there before the key has been looked at.
    socket.tcp.cork()
    socket.send(message(1, { uuid, ownerKey }))
    for (let i = 1; i <= count; i++) socket.send(say(uuid, 'soon', [i]))
    socket.tcp.uncork()
    if (count <= WAITING) {
      for (let i = 1; i <= count; i++) expect(await listener.nextBroadcast()).toMatchObject({ seq: i, funcParams: [i] })
      return
    }
    const { event } = await socket.next(isGoodbye)
    expect(event).toMatchObject({ code: 'too_many_errors', message: expect.stringContaining(String(WAITING)) })
    expect(await socket.closed()).toMatchObject({ code: 4503 })
    owner.close()
    expect(listener.received.some(({ funcKey }) => funcKey === 'soon')).toBe(false)
  })

  test('large messages while being let in: no more of them than the line may have under way', async () => {
    const { uuid, listener, ownerKey } = await roomOfTwo()
    const socket = await TestSocket.connect(`${server.url}/broadcasting`)
    socket.tcp.cork()
    socket.send(message(1, { uuid, ownerKey }))
    for (let i = 1; i <= 5; i++) socket.send(say(uuid, 'soon', ['x'.repeat(60_000)]))
    socket.tcp.uncork()
    expect((await socket.next(isGoodbye)).event).toMatchObject({
      code: 'too_many_errors',
      message: expect.stringContaining(String(256 * 1024)),
    })
    expect(listener.received.some(({ funcKey }) => funcKey === 'soon')).toBe(false)
  })
})
