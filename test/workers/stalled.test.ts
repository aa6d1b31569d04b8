import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { WebSocket as NodeSocket } from 'ws'
import { mayRetry } from '../../src/protocol/codes.ts'
import { BROADCASTING, CAN, roomSocketPath } from '../../src/protocol/routes.ts'
import { follow } from '../../src/sdk/index.ts'
import type { Actions, Following } from '../../src/sdk/types.ts'
import { GUESS } from '../../src/workers/untaken.ts'
import { happening } from '../support/events.ts'
import { joinRoom, type Message, message, openRoom, say, TestSocket } from '../support/socket.ts'
import { hasWorkerd } from '../support/workerd.ts'
import { startWranglerDev, type WranglerDev } from '../support/wrangler.ts'

/** Long beside what is done until then, and short enough to be waited for. */
const DEADLINE_SECONDS = 5

/** What may be under way to a listener that says what it has taken, in characters (src/room/limits.ts). */
const MARK = 256 * 1024

/** Of one slide. */
const TEXT = 'x'.repeat(40_000)

/** Slides: 8 MB, of which the TCP buffers between two programs on one machine take four. */
const MORE_THAN_A_LINE_HOLDS = 200

// Each test has a room of its own, and some wait for most of their time.
const TOGETHER = { concurrent: true, timeout: 30_000 }

describe.skipIf(!hasWorkerd())('[R6] a client that never reads again', TOGETHER, () => {
  const urlOf = serve({ WRITE_DEADLINE_SECONDS: String(DEADLINE_SECONDS) })

  test.for([
    ['of all rooms', () => BROADCASTING],
    ['of one room', roomSocketPath],
  ] as const)(
    'one that can say what it takes, at the address %s: closed at the deadline, to come again',
    async ([, path], context) => {
      const { owner, uuid, show } = await roomOf(urlOf(), context)
      const first = message(2, { uuid, can: [CAN.lines, CAN.taken] })
      const { socket, clientId } = await stall(urlOf() + path(uuid), first, context)
      const isGone = ({ event }: Message) => event?.type === 'listeners' && event.left.includes(clientId)
      const start = performance.now()
      await show(30)
      expect(owner.received.some(isGone)).toBe(false)
      await owner.next(isGone)
      expect(performance.now() - start).toBeGreaterThan(DEADLINE_SECONDS * 900)

      // What was kept for it in all this time is all that it finds.
      socket.ws.resume()
      expect(await socket.next(({ status }) => status.value === 0)).toMatchObject({ event: { code: 'too_slow' } })
      const { code } = await socket.closed()
      expect([code, mayRetry(code)]).toEqual([4001, true])
      const seqs = socket.received.flatMap(({ seq }) => seq ?? [])
      expect(seqs).toEqual(upTo(seqs.length))
      expect(seqs.length * TEXT.length).toBeLessThan(2 * MARK)
    },
  )
})

describe.skipIf(!hasWorkerd())('[R6] a client that stops reading, and reads again', TOGETHER, () => {
  // However long the machine takes for a test, the write deadline is no part of it.
  const urlOf = serve({})

  test('the SDK, which has missed little: it gets that', async (context) => {
    // More than the mark together, and less than it past the mark.
    const { seqs, lagged } = await pauseOf(12, urlOf(), context)
    expect(seqs).toEqual(upTo(13))
    expect(lagged).toEqual([])
  })

  test('the SDK, which has missed much: it is told how much, and gets the newest state', async (context) => {
    const { seqs, lagged } = await pauseOf(100, urlOf(), context)
    const before = seqs.length - 2
    expect(before * TEXT.length).toBeLessThan(2 * MARK)
    expect(seqs).toEqual([...upTo(before), 100, 101])
    expect(lagged).toEqual([99 - before])
  })

  test('[R7] one that does not say what it takes: as much is sent as time passes, and at the end it has the newest', async (context) => {
    const { uuid, show } = await roomOf(urlOf(), context)
    const { socket } = await stall(urlOf() + BROADCASTING, message(2, { uuid }), context)
    const start = performance.now()
    await show(MORE_THAN_A_LINE_HOLDS)
    const seconds = (performance.now() - start) / 1000
    socket.ws.resume()
    await socket.next(({ seq }) => seq === MORE_THAN_A_LINE_HOLDS)
    const sent = socket.received.reduce((sum, { funcParams }) => sum + String(funcParams[1]).length, 0)
    expect(sent).toBeLessThan(2 * MARK + (seconds + 10) * GUESS.rate)
  })

  test('[R7] one that says what it has not got: it is sent no more for that', async (context) => {
    const { uuid, show } = await roomOf(urlOf(), context)
    const { socket } = await stall(urlOf() + BROADCASTING, message(2, { uuid, can: [CAN.lines, CAN.taken] }), context)
    for (let n = 0; n < 10; n++) {
      socket.send(message(3, { taken: crypto.randomUUID() }))
      await show(MORE_THAN_A_LINE_HOLDS / 10)
    }
    socket.ws.resume()
    await socket.nextEvent('lagged')
    const seqs = socket.received.flatMap(({ seq, replay }) => (replay ? [] : (seq ?? [])))
    expect(seqs.length * TEXT.length).toBeLessThan(2 * MARK)
  })
})

/** Starts the Worker for the tests of a describe; its address, when it runs. */
function serve(variables: Record<string, string>): () => string {
  let server: WranglerDev | undefined
  beforeAll(async () => {
    server = await startWranglerDev(variables)
  }, 60_000)
  afterAll(() => server?.stop())
  return () => server!.url
}

/** A room with two listeners that read. */
async function roomOf(url: string, { onTestFinished }: TestContext) {
  const { owner, uuid } = await openRoom(url)
  const can = [CAN.taken]
  const members = await Promise.all([joinRoom(url, uuid, { can }), joinRoom(url, uuid, { can })])
  const readers = members.map(({ listener }) => listener)
  onTestFinished(() => {
    for (const socket of [owner, ...readers]) socket.close()
  })
  /** Says so many slides, each when the readers have the one before: they wait for nobody else. */
  let n = 0
  async function show(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      n++
      owner.send(say(uuid, 'slide', [n, TEXT], { stateMessage: true }))
      const heard = await Promise.all(readers.map((reader) => reader.nextBroadcast()))
      expect(heard.map(({ seq }) => seq)).toEqual([n, n])
    }
  }
  return { owner, uuid, show }
}

/** A listener that reads its welcome, and nothing after it. */
async function stall(url: string, first: object, { onTestFinished }: TestContext) {
  const socket = await TestSocket.connect(url)
  onTestFinished(() => socket.close())
  socket.send(first)
  const { clientId } = await socket.next()
  socket.ws.pause()
  return { socket, clientId: clientId! }
}

/** What the SDK is given, and told that it missed, when it reads nothing of `count` slides until the last, and then goes on. */
async function pauseOf(count: number, url: string, context: TestContext) {
  const { owner, uuid, show } = await roomOf(url, context)
  const sockets: NodeSocket[] = []
  class Pausable extends NodeSocket {
    constructor(url: string) {
      super(url)
      sockets.push(this)
    }
  }
  const listener = follow(url, uuid, { webSocket: Pausable as unknown as typeof WebSocket })
  context.onTestFinished(() => listener.leave())
  const seqs: unknown[] = []
  const lagged: unknown[] = []
  listener.each(({ seq }) => seqs.push(seq))
  listener.when('lagged', ({ missed }) => lagged.push(missed))
  await happening(listener, 'status', (status) => status === 'live')
  sockets[0]!.pause()
  await show(count)

  const newest = arrival(listener, count)
  sockets[0]!.resume()
  await newest
  const next = arrival(listener, count + 1)
  owner.send(say(uuid, 'pointer'))
  await next
  expect([listener.status, sockets.length]).toEqual(['live', 1])
  return { seqs, lagged }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i + 1)
}

/** Resolves when the listener has been given the broadcast at `seq`. */
function arrival(listener: Following<Actions>, seq: number): Promise<void> {
  return new Promise((resolve) => {
    const stop = listener.each((given) => {
      if (given.seq !== seq) return
      stop()
      resolve()
    })
  })
}
