import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Bystander } from '../support/bystander.ts'
import { type Child, startChildServer } from '../support/child.ts'
import { joinRoom, message, openRoom, say, TestSocket } from '../support/socket.ts'

const MEBIBYTE = 1024 * 1024
const MAX_ROOMS = 1000

let server: Child & { address: string }

beforeAll(async () => {
  server = await startChildServer({ GRACE_SECONDS: '1', MAX_ROOMS: String(MAX_ROOMS) })
})

afterAll(() => server.kill())

async function health(): Promise<{ rooms: number; connections: number }> {
  return (await fetch(`${server.address}/health`)).json() as never
}

/** Polled, since an end on the server's side cannot be seen from here. */
async function isDeserted(rooms = 0, connections = 0): Promise<void> {
  await expect.poll(health, { timeout: 8000, interval: 50 }).toMatchObject({ rooms, connections })
}

describe('[B2] memory comes back', () => {
  const leave = (socket: TestSocket) => socket.ws.close()
  const reset = (socket: TestSocket) => socket.tcp.resetAndDestroy()

  /** Each gets a fresh socket, and resolves when it has done its worst. */
  const ways: ((socket: TestSocket) => unknown)[] = [
    reset,
    async (socket) => {
      for (let i = 0; i < 30; i++) socket.send('nonsense')
      await socket.closed()
    },
    (socket) => {
      socket.send(message(1))
      // Gone before the answer.
      reset(socket)
    },
    async (socket) => {
      socket.send(message(1))
      const { uuid } = await socket.next()
      socket.send(say(uuid, 'state', ['x'.repeat(2000)], { stateMessage: true }))
      socket.send(message(4, { uuid }))
      await socket.closed()
    },
    async (socket) => {
      socket.send(message(2, { uuid: crypto.randomUUID() }))
      await socket.closed()
    },
    async (socket) => {
      socket.send(message(1, { uuid: crypto.randomUUID(), ownerKey: 'guessed' }))
      await socket.closed()
    },
    async (socket) => {
      socket.ws.send('{', { fin: false })
      await pause(1)
      reset(socket)
    },
    async (socket) => {
      socket.ws.send('x'.repeat(200_000))
      await socket.closed()
    },
    (socket) => {
      socket.ws.send(Buffer.alloc(1000))
      leave(socket)
    },
  ]

  async function misbehave(times: number): Promise<void> {
    const url = `${server.address}/broadcasting`
    const clients = Array.from({ length: 20 }, async (_, first) => {
      for (let i = first; i < times; i += 20) {
        const socket = await TestSocket.connect(url)
        await ways[i % ways.length]!(socket)
        await socket.closed()
      }
    })
    await Promise.all(clients)
  }

  /** A room that ends for want of an owner, with a listener who has to be told. */
  async function abandon(): Promise<void> {
    const { owner, uuid } = await openRoom(server.address)
    owner.send(say(uuid, 'state', ['x'.repeat(10_000)], { stateMessage: true, id: 'x' }))
    await owner.nextEvent('ack')
    const { listener } = await joinRoom(server.address, uuid)
    owner.tcp.resetAndDestroy()
    expect(await listener.closed()).toMatchObject({ code: 1000 })
  }

  test('three thousand connections that misbehave leave no room, no connection and no memory', async () => {
    await misbehave(600)
    await isDeserted()
    const before = await server.memory()
    await Promise.all([misbehave(3000), ...Array.from({ length: 100 }, abandon)])
    await isDeserted()
    for (let i=0;i<6;i++) { console.log('mem', (await server.memory() - before)/1e6, before/1e6); await pause(1000) }
  }, 30_000)

  test('and the places of their rooms are free again', async () => {
    // More rooms than there may be, twice over, each left behind by its owner.
    const open = async (): Promise<string | undefined> => {
      const socket = await TestSocket.connect(`${server.address}/broadcasting`)
      socket.send(message(1))
      const { event } = await socket.next()
      reset(socket)
      return event?.type === 'error' ? event.code : undefined
    }
    const flood = () => Promise.all(Array.from({ length: MAX_ROOMS + 20 }, open))
    expect((await flood()).filter((code) => code === 'server_full').length).toBeGreaterThanOrEqual(20)
    await expect.poll(open, { timeout: 8000, interval: 50 }).toBeUndefined()
    await isDeserted()
  })
})

describe('[B2] who speaks without end and never reads is cut off, or not listened to', () => {
  const FLOOD = 48 * MEBIBYTE
  const PING_TEXT = message(3, { status: { value: 3, text: 'ping' } })

  test.each([
    ['questions whether the line holds, before joining', 'new', PING_TEXT],
    ['questions whether the line holds', 'in', PING_TEXT],
    ['pings', 'in', 'ping'],
    ['broadcasts before joining', 'new', say('none', 'x')],
    ['broadcasts of another room', 'in', say('none', 'x')],
    ['broadcasts to be acknowledged', 'in', 'id'],
    ['broadcasts to all', 'in', 'all'],
  ])(
    '%s',
    async (_, stage, what) => {
      const bystander = await Bystander.enter(server.address)
      const before = await server.memory()
      const room = stage === 'in' ? await openRoom(server.address) : undefined
      const socket = room?.owner ?? (await TestSocket.connect(`${server.address}/broadcasting`))
      socket.ws.pause()
      const extras = what === 'id' ? { id: 'i' } : { to: 'all' }
      const request = typeof what === 'string' ? say(room!.uuid, 'x', [], extras) : what
      const text = JSON.stringify(request)
      let sent = 0
      let most = 0
      while (sent < FLOOD && !socket.tcp.destroyed) {
        socket.tcp.cork()
        for (let i = 0; i < 2000; i++, sent += text.length) {
          if (what === 'ping') socket.ws.ping('x'.repeat(text.length < 125 ? text.length : 125))
          else socket.ws.send(text)
        }
        socket.tcp.uncork()
        // A server that has stopped listening is as good as one that has hung up.
        const drained = socket.tcp.writableLength === 0 || (await drains(socket, 300))
        if (!drained) break
        if (sent % (4 * MEBIBYTE) < 2000 * text.length) most = Math.max(most, (await server.memory()) - before)
      }
      most = Math.max(most, (await server.memory()) - before)
      console.log(what, stage, sent / 1e6, most / 1e6, socket.tcp.destroyed)
    expect(most).toBeLessThan(16 * MEBIBYTE)
      await bystander.isUndisturbed()
      socket.close()
      bystander.leave()
      await isDeserted()
    },
    20_000,
  )

  async function drains(socket: TestSocket, ms: number): Promise<boolean> {
    const signal = AbortSignal.timeout(ms)
    const end = once(socket.tcp, 'close', { signal })
    return Promise.race([once(socket.tcp, 'drain', { signal }), end]).then(
      () => !socket.tcp.destroyed,
      () => false,
    )
  }
})
