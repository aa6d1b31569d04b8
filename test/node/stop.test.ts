import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, type TestContext, test } from 'vitest'
import { Child, startChildServer } from '../support/child.ts'
import { connectRaw, HANDSHAKE, head, untilClosed } from '../support/raw.ts'
import { joinRoom, openRoom, say, TestSocket } from '../support/socket.ts'

async function start({ onTestFinished }: TestContext, env: Record<string, string> = {}) {
  const server = await startChildServer(env)
  onTestFinished(() => server.kill())
  return server
}

/** Whether somebody listens there. */
async function isTaken(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  const taken = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return taken
}

/** How many milliseconds a client is given to come back in. */
async function windowOf(socket: TestSocket): Promise<number> {
  const { event } = await socket.nextEvent('goaway')
  return event?.type === 'goaway' ? event.retryWithin : 0
}

function farewells({ received }: TestSocket): unknown[] {
  return received.filter(({ event }) => event?.type === 'goaway').map(({ event }) => event)
}

// Each waits for most of its time.
describe.concurrent('[E3] a server that stops says so', () => {
  test.for(['SIGTERM', 'SIGINT'] as const)('%s: goaway and 1012 to everybody, then exit 0', async (signal, context) => {
    const server = await start(context)
    const { owner, uuid } = await openRoom(server.address)
    const members = await Promise.all(Array.from({ length: 50 }, () => joinRoom(server.address, uuid)))
    const undecided = await TestSocket.connect(`${server.address}/broadcasting`)
    const all = [owner, undecided, ...members.map(({ listener }) => listener)]
    owner.send(say(uuid, 'last', [], { id: 'last' }))
    await owner.nextEvent('ack')
    const asked = performance.now()
    server.process.kill(signal)
    for (const socket of all) {
      expect(await socket.closed()).toMatchObject({ code: 1012 })
      expect(farewells(socket)).toEqual([{ type: 'goaway', retryWithin: expect.any(Number) }])
      // It is the last word: nothing that a client might act on follows.
      expect(socket.received.at(-1)!.event).toMatchObject({ type: 'goaway' })
    }
    for (const { listener } of members) expect(await listener.nextBroadcast()).toMatchObject({ funcKey: 'last' })
    expect(await server.exit).toEqual({ code: 0, signal: null })
    expect(performance.now() - asked).toBeLessThan(4000)
    expect(await isTaken(server.address)).toBe(false)
  })

  test('the window to come back in grows with the number of those who will', async (context) => {
    const windows: number[] = []
    for (const count of [1, 1500]) {
      const server = await start(context)
      const sockets: TestSocket[] = []
      while (sockets.length < count) {
        const batch = Array.from({ length: Math.min(100, count) }, () =>
          TestSocket.connect(`${server.address}/broadcasting`),
        )
        sockets.push(...(await Promise.all(batch)))
      }
      server.process.kill('SIGTERM')
      windows.push(...new Set(await Promise.all(sockets.map(windowOf))))
      await server.exit
    }
    expect(windows).toHaveLength(2)
    expect(windows[0]).toBeGreaterThan(0)
    expect(windows[1]).toBeGreaterThan(windows[0]!)
  }, 15_000)

  test('to no client but one that never reads, and half a handshake: exit 0 within the deadline', async (context) => {
    const server = await start(context, { BROADCAST_BYTES: '100000000' })
    const { owner, uuid } = await openRoom(server.address)
    const { listener: stuck } = await joinRoom(server.address, uuid)
    const { listener } = await joinRoom(server.address, uuid)
    context.onTestFinished(() => stuck.close())
    stuck.ws.pause()
    for (let i = 1; i <= 400; i++) {
      owner.send(say(uuid, 'step', [i, 'x'.repeat(50_000)]))
      if (i % 10 === 0) await listener.next(({ seq }) => seq === i)
    }
    const half = await connectRaw(server.address)
    half.write(head('GET /broadcasting', HANDSHAKE).slice(0, -2))
    const idle = await connectRaw(server.address)
    idle.write(head('GET /health', { Host: 'localhost' }))
    await once(idle, 'data')
    const ends = [untilClosed(half), untilClosed(idle)]
    const asked = performance.now()
    server.process.kill('SIGTERM')
    expect(await listener.closed()).toMatchObject({ code: 1012 })
    // It still waits for one, and lets in nobody.
    expect(server.isRunning).toBe(true)
    expect(await isTaken(server.address)).toBe(false)
    expect(await server.exit).toEqual({ code: 0, signal: null })
    expect(performance.now() - asked).toBeLessThan(8000)
    await Promise.all(ends)
  }, 20_000)

  test('a second signal does not wait', async (context) => {
    const server = await start(context)
    const { owner } = await openRoom(server.address)
    context.onTestFinished(() => owner.close())
    owner.ws.pause()
    server.process.kill('SIGTERM')
    while (await isTaken(server.address));
    const asked = performance.now()
    server.process.kill('SIGTERM')
    await server.exit
    expect(performance.now() - asked).toBeLessThan(3000)
  })

  test('npm start: the signal that npm gets ends the server', async ({ onTestFinished }) => {
    // Without its scripts before the start: bundling the page is another matter.
    const npm = new Child('npm', ['start', '--ignore-scripts'])
    onTestFinished(() => npm.kill())
    const url = await npm.url()
    const { owner } = await openRoom(url)
    npm.process.kill('SIGTERM')
    expect(await owner.closed()).toMatchObject({ code: 1012 })
    await npm.exit
    expect(await isTaken(url)).toBe(false)
  }, 8000)
})
