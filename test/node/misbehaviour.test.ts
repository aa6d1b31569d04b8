import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

  /** The last to be left behind is the last to go. */
  async function isOver(): Promise<void> {
    await abandon()
    await isDeserted()
  }

  test('fifteen hundred connections that misbehave leave no room, no connection and no memory', async () => {
    // What a process only takes once, it has taken then.
    await misbehave(300)
    await isOver()
    const before = await server.memory()
    await Promise.all([misbehave(1500), ...Array.from({ length: 100 }, abandon)])
    await isOver()
    expect((await server.memory()) - before).toBeLessThan(2 * MEBIBYTE)
    // Nor does the log keep any: there is place for as many as there may be.
    const openings = await Promise.all(Array.from({ length: MAX_ROOMS }, () => openRoom(server.address)))
    expect(openings.filter(({ welcome }) => welcome.role === 'owner')).toHaveLength(MAX_ROOMS)
    for (const { owner } of openings) owner.close()
  }, 30_000)
})
