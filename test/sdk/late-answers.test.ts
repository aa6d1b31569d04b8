import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { PING } from '../../src/protocol/routes.ts'
import { type Following, follow, type Presentation, present, type Status } from '../../src/sdk/index.ts'
import { message } from '../support/messages.ts'
import { PuppetSocket, WELCOME } from '../support/puppet-socket.ts'

const uuid = crypto.randomUUID()
const webSocket = PuppetSocket as unknown as typeof WebSocket
const pong = { event: { type: 'pong' } }

let leave: () => void

beforeEach(() => {
  vi.useFakeTimers()
  PuppetSocket.all = []
})
afterEach(() => {
  leave()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
})

const socket = () => PuppetSocket.newest
const pings = () => socket().sent.filter((text) => text === PING).length
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

async function presenting(): Promise<{ room: Presentation<Record<string, never[]>>; statuses: Status[] }> {
  const opened = present<Record<string, never[]>>('http://x', { webSocket })
  socket().letIn({ uuid, role: 'owner', ownerKey: 'key' })
  const room = await opened
  leave = () => room.leave()
  room.when('problem', () => {})
  await pass(0)
  const statuses: Status[] = []
  room.when('status', (status) => statuses.push(status))
  return { room, statuses }
}

async function following(): Promise<{ room: Following<Record<string, never[]>>; statuses: Status[] }> {
  const room = follow<Record<string, never[]>>('http://x', uuid, { webSocket })
  leave = () => room.leave()
  room.when('problem', () => {})
  await pass(0)
  socket().letIn({ uuid })
  await pass(0)
  const statuses: Status[] = []
  room.when('status', (status) => statuses.push(status))
  return { room, statuses }
}

describe('an answer that is late', () => {
  test('asks for a sign of life; without one the presenter knows within 5 s', async () => {
    const { room, statuses } = await presenting()
    void room.broadcast('a')
    await pass(1999)
    expect(pings()).toBe(0)
    await pass(50)
    expect(pings()).toBe(1)
    await pass(2500)
    expect(statuses).toEqual(['reconnecting'])
    expect(socket().isClosed).toBe(true)
  })

  test('is not waited for any longer because more is said', async () => {
    const { room, statuses } = await presenting()
    for (let n = 0; n < 90; n++) {
      void room.broadcast('a')
      await pass(50)
    }
    expect(statuses).toEqual([])
    await pass(50)
    expect(statuses).toEqual(['reconnecting'])
  })

  test('from a server that lives: what is shown is not what the audience sees, until there is one', async () => {
    const { room, statuses } = await presenting()
    void room.broadcast('a')
    await pass(2100)
    socket().hear(pong)
    await pass(2500)
    expect(statuses).toEqual(['stale'])
    socket().acknowledge(1, 1)
    expect(statuses).toEqual(['stale', 'live'])
    await pass(14_000)
    expect(pings()).toBe(1)
  })

  test('from a server that cannot store it', async () => {
    const { room, statuses } = await presenting()
    void room.state('a')
    const refuse = () => {
      const { id } = JSON.parse(
        socket()
          .sent.filter((text) => text !== PING)
          .at(-1)!,
      )
      socket().hear(message(5, { event: { type: 'error', code: 'log_unavailable', message: 'no', id } }))
    }
    for (let n = 0; n < 5; n++) {
      refuse()
      await pass(1000)
    }
    expect(statuses).toEqual(['stale'])
    socket().acknowledge(1, 1)
    expect(statuses).toEqual(['stale', 'live'])
  })

  test('asks nothing while others come', async () => {
    const { room, statuses } = await presenting()
    for (let n = 1; n <= 20; n++) void room.broadcast('a')
    for (let n = 1; n <= 20; n++) {
      await pass(1900)
      socket().acknowledge(n, n)
    }
    await pass(10_000)
    expect(pings()).toBe(0)
    expect(statuses).toEqual([])
  })

  test('to a large message is given the time that a slow line takes for it', async () => {
    const { room, statuses } = await presenting()
    void room.broadcast('a', ...(['x'.repeat(64_000)] as never[]))
    await pass(9900)
    expect(pings()).toBe(0)
    await pass(200)
    expect(pings()).toBe(1)
    expect(statuses).toEqual([])
  })

  test('to what is said again on a new line asks anew', async () => {
    const { room, statuses } = await presenting()
    void room.broadcast('a')
    await pass(5000)
    expect(statuses).toEqual(['reconnecting'])
    await pass(5000)
    expect(PuppetSocket.all).toHaveLength(2)
    socket().letIn({ uuid, role: 'owner', recovered: true })
    await pass(0)
    expect(statuses).toEqual(['reconnecting', 'live'])
    await pass(4700)
    expect(statuses).toEqual(['reconnecting', 'live', 'reconnecting'])
  })

  test('to feedback asks, and says nothing of what is shown', async () => {
    const { room, statuses } = await following()
    void room.feedback('a')
    await pass(2100)
    expect(pings()).toBe(1)
    socket().hear(pong)
    await pass(5000)
    expect(statuses).toEqual([])
    void room.feedback('a')
    socket().acknowledge(1, 0)
    await pass(5000)
    expect(statuses).toEqual(['reconnecting'])
  })

  test('to the end of the room asks at once', async () => {
    const { room, statuses } = await presenting()
    void room.close().catch(() => {})
    expect(pings()).toBe(1)
    await pass(4500)
    expect(statuses).toEqual(['reconnecting'])
  })
})

describe('a follower', () => {
  test('of a silent server knows within 20 s, and asks once in 15 s at most', async () => {
    const { statuses } = await following()
    for (let n = 0; n < 4; n++) {
      await pass(15_000)
      expect(pings()).toBe(n + 1)
      socket().hear(pong)
    }
    expect(statuses).toEqual([])
    await pass(19_500)
    expect(statuses).toEqual(['reconnecting'])
  })
})

describe('feedback', () => {
  test('that was under way when the line was lost is not said twice', async () => {
    const { room } = await following()
    const said = room.feedback('a')
    const refused = expect(said).rejects.toMatchObject({ code: 'not_delivered' })
    socket().drop()
    const later = room.feedback('b')
    await pass(1000)
    socket().letIn({ uuid, recovered: true })
    await pass(0)
    await refused
    expect(
      socket()
        .sent.slice(1)
        .map((text) => JSON.parse(text).funcKey),
    ).toEqual(['b'])
    socket().acknowledge(1, 0)
    await later
  })

  test('waits for a line, and no more of it than a server forgives', async () => {
    const { room } = await following()
    socket().drop()
    const said = Array.from({ length: 21 }, () => room.feedback('a'))
    await expect(said[20]).rejects.toMatchObject({ code: 'queue_full', limit: 20 })
    await pass(1000)
    socket().letIn({ uuid, recovered: true })
    for (let n = 1; n <= 20; n++) socket().acknowledge(n, 0)
    await pass(0)
    await Promise.all(said.slice(0, 20))
  })

  test('that is refused rejects with what the server says of it', async () => {
    const { room } = await following()
    const said = room.feedback('a')
    const { id } = JSON.parse(socket().sent.at(-1)!)
    socket().hear(message(5, { event: { type: 'error', code: 'owner_absent', message: 'no', retryAfter: 50, id } }))
    await expect(said).rejects.toMatchObject({ code: 'owner_absent', retryAfter: 50 })
  })
})

describe('a room that was left', () => {
  test('stays so, whatever is still on its way', async () => {
    const { room, statuses } = await following()
    const seen: unknown[] = []
    room.each((received) => {
      seen.push(received)
      room.leave()
    })
    const text = (seq: number) => JSON.stringify(message(3, { funcKey: 'a', seq }))
    socket().onmessage?.({ data: `${text(1)}\n${text(2)}` })
    socket().hear(message(3, { uuid, ...WELCOME }))
    socket().hear(message(3, { funcKey: 'a', seq: 3 }))
    await pass(1000)
    expect(seen).toHaveLength(1)
    expect(statuses).toEqual(['ended'])
  })

  test('is not said to be closed', async () => {
    const { room } = await presenting()
    const closed = room.close()
    const refused = expect(closed).rejects.toMatchObject({ code: 'left' })
    room.leave()
    await refused
    await expect(room.close()).rejects.toMatchObject({ code: 'left' })
  })
})

describe('the end of a room', () => {
  test('that the server could not write is said again, until it is over', async () => {
    const { room } = await presenting()
    const closed = room.close()
    const closes = () => socket().sent.filter((text) => JSON.parse(text).status.value === 4).length
    expect(closes()).toBe(1)
    socket().hear(message(5, { event: { type: 'error', code: 'log_unavailable', message: 'not now' } }))
    await pass(1000)
    expect(closes()).toBe(2)
    socket().hear(message(0, { event: { type: 'error', code: 'room_closed', message: 'over' } }))
    socket().drop(1000)
    await closed
    await room.close()
  })

  test('by who has handed it over since is refused', async () => {
    const { room } = await presenting()
    const refused = expect(room.close()).rejects.toMatchObject({ code: 'not_owner' })
    socket().hear(message(5, { event: { type: 'role', role: 'listener' } }))
    await refused
    await expect(room.close()).rejects.toMatchObject({ code: 'not_owner' })
  })
})

test('[R6] a listener whose line is lost while it is caught up goes on from there, and hears nothing twice', async () => {
  const { room } = await following()
  const seen: unknown[] = []
  room.each(({ seq }) => seen.push(seq))
  const say = (seq: number, replay?: true) => socket().hear(message(3, { funcKey: 'a', seq, replay }))
  say(1)
  const position = { epoch: 'e', seq: 20 }
  socket().hear(message(5, { event: { type: 'lagged', missed: 10, reset: false, replay: 3, position } }))
  for (const seq of [7, 9]) say(seq, true)
  socket().drop()
  await pass(1000)
  socket().letIn({ uuid, recovered: true, position })
  expect(JSON.parse(socket().sent[0]!).since).toEqual({ epoch: 'e', seq: 9 })
  await pass(0)
  for (let seq = 10; seq <= 20; seq++) say(seq)
  expect(seen).toEqual([1, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
  expect(room.status).toBe('live')
})

test('an address that the browser refuses ends it, and nothing is left over', async () => {
  class Refusing {
    constructor() {
      throw new Error('not from here')
    }
  }
  const options = { webSocket: Refusing as unknown as typeof WebSocket }
  leave = () => {}
  const refusal = { code: 'server_error', message: expect.stringContaining('not from here') }
  await expect(present('http://x', options)).rejects.toMatchObject(refusal)
  const room = follow('http://x', uuid, options)
  await pass(0)
  expect([room.status, room.ending]).toEqual(['ended', refusal])
})
