import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { Bystander } from '../support/bystander.ts'
import { type Child, startChildServer } from '../support/child.ts'
import { joinRoom, message, openRoom, say, TestSocket } from '../support/socket.ts'

const MEBIBYTE = 1024 * 1024

let server: Child & { address: string }

beforeAll(async () => {
  server = await startChildServer({
    WRITE_DEADLINE_SECONDS: '1',
    HANDSHAKE_SECONDS: '1',
    BROADCAST_BYTES: String(1024 * MEBIBYTE),
  })
})

afterAll(() => server.kill())

async function roomOf(listeners: number, { onTestFinished }: TestContext) {
  const { owner, uuid } = await openRoom(server.address)
  const members = await Promise.all(Array.from({ length: listeners }, () => joinRoom(server.address, uuid)))
  onTestFinished(() => {
    for (const { listener } of members) listener.close()
    owner.close()
  })
  return { owner, uuid, listeners: members.map(({ listener }) => listener) }
}

async function connections(): Promise<number> {
  const health = await fetch(`${server.address}/health`)
  return ((await health.json()) as { connections: number }).connections
}

function seqs(socket: TestSocket): unknown[] {
  return socket.received.filter(({ status, funcKey }) => status.value === 3 && funcKey !== '').map(({ seq }) => seq)
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

// Each waits for most of its time.
describe.concurrent('[J4] who does not say what it wants is closed at the deadline', () => {
  test.each<[string, (socket: TestSocket) => void]>([
    ['nothing', () => {}],
    ['nonsense', (socket) => socket.send('nonsense')],
    ['a broadcast', (socket) => socket.send(say('x', 'early'))],
    ['asking whether the line holds', (socket) => socket.send(message(3, { status: { value: 3, text: 'ping' } }))],
    ['pings', (socket) => socket.ws.ping()],
  ])('%s', async (_, speak) => {
    const socket = await TestSocket.connect(`${server.address}/broadcasting`)
    const start = performance.now()
    speak(socket)
    const { event } = await socket.next(({ status }) => status.value === 0)
    expect(event).toMatchObject({ code: 'handshake_timeout' })
    expect(await socket.closed()).toMatchObject({ code: 4000 })
    expect(performance.now() - start).toBeGreaterThan(900)
  })

  test('and who has said it stays', async (context) => {
    const { owner, uuid, listeners } = await roomOf(1, context)
    const silent = await TestSocket.connect(`${server.address}/broadcasting`)
    await silent.closed()
    owner.send(say(uuid, 'later'))
    expect(await listeners[0]!.nextBroadcast()).toMatchObject({ funcKey: 'later' })
  })
})

test.concurrent('[C2] [B2] listeners that are reset in the middle of a fan-out: the others get all, in order', async (context) => {
  const COUNT = 500
  const { owner, uuid, listeners } = await roomOf(100, context)
  const bystander = await Bystander.enter(server.address)
  const leaving = listeners.splice(0, 30)
  for (let i = 1; i <= COUNT; i++) {
    owner.send(say(uuid, 'step', [i, 'x'.repeat(200)]))
    if (i % 10 === 0) {
      leaving.pop()?.tcp.resetAndDestroy()
      await turn()
    }
  }
  await Promise.all(listeners.map((listener) => listener.next(({ seq }) => seq === COUNT)))
  for (const listener of listeners) expect(seqs(listener)).toEqual(upTo(COUNT))
  await owner.next(({ event }) => event?.type === 'listeners' && event.count === listeners.length)
  await bystander.isUndisturbed()
  bystander.leave()
})

describe.concurrent('[R6] [B2] a listener that never reads', () => {
  const COUNT = 640
  const TEXT = 'x'.repeat(50_000)

  test('is closed, costs little memory, and keeps nobody waiting', async (context) => {
    const { owner, uuid, listeners } = await roomOf(4, context)
    const before = await server.memory()
    const [stuck, late, ...others] = listeners as [TestSocket, TestSocket, ...TestSocket[]]
    stuck.ws.pause()
    late.ws.pause()
    for (let i = 1; i <= COUNT; i++) {
      owner.send(say(uuid, 'step', [i, TEXT]))
      if (i % 10 === 0) await Promise.all(others.map((other) => other.next(({ seq }) => seq === i)))
    }
    // 32 MB were broadcast, and 16 in the other test's room; the tails, and three lines' fill, are what may remain.
    expect((await server.memory()) - before).toBeLessThan(14 * MEBIBYTE)
    for (const other of others) expect(seqs(other)).toEqual(upTo(COUNT))
    await owner.next(({ event }) => event?.type === 'listeners' && event.count === others.length)
    // One of them wakes up: it finds what it was told last.
    late.ws.resume()
    const goodbye = await late.next(({ status }) => status.value === 0)
    expect(goodbye.event).toMatchObject({ code: 'too_slow' })
    expect(await late.closed()).toMatchObject({ code: 4001 })
    const seen = seqs(late) as number[]
    expect(seen).toEqual(upTo(seen.length))
    // The other never does: its line is cut.
    await context.expect.poll(connections, { timeout: 9000, interval: 100 }).toBe(1 + others.length)
  }, 15_000)

  test('is closed even when it speaks all the while', async (context) => {
    const { owner, uuid, listeners } = await roomOf(2, context)
    const [talker, other] = listeners as [TestSocket, TestSocket]
    talker.ws.pause()
    const speech = setInterval(() => talker.send(say(uuid, 'clap')), 200)
    context.onTestFinished(() => clearInterval(speech))
    for (let i = 1; i <= COUNT / 2; i++) {
      owner.send(say(uuid, 'step', [i, TEXT]))
      if (i % 10 === 0) await other.next(({ seq }) => seq === i)
    }
    await owner.next(({ event }) => event?.type === 'listeners' && event.count === 1)
  }, 25_000)
})
