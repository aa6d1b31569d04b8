import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { RefusalLog } from '../../src/http/refusal-log.ts'
import { follow, present } from '../../src/sdk/index.ts'
import { Bystander } from '../support/bystander.ts'
import { type Child, startChildServer } from '../support/child.ts'
import { happening, until } from '../support/events.ts'
import { connectRaw, HANDSHAKE, head, untilClosed } from '../support/raw.ts'
import { startTestServer } from '../support/server.ts'
import { openRoom, TestSocket } from '../support/socket.ts'

const ELSEWHERE = 'https://elsewhere.example'

/** As a browser's, on a page of another origin. */
class Elsewhere extends WebSocket {
  constructor(url: string) {
    super(url, { origin: ELSEWHERE })
  }
}
const webSocket = Elsewhere as unknown as typeof globalThis.WebSocket

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
})

afterEach(() => {
  vi.restoreAllMocks()
})

async function start(env: Record<string, string> = {}) {
  const server = await startTestServer(env)
  onTestFinished(() => server.stop())
  return server
}

/** A server that has room for one connection, and has it. */
async function startFull() {
  const server = await start({ MAX_CONNECTIONS: '1' })
  const { owner, uuid } = await openRoom(server.url)
  return { server, owner, uuid }
}

describe('[J5] who may not come in is told why over the WebSocket', () => {
  test.each(['/broadcasting', '/rooms/00000000-0000-4000-8000-000000000000/socket'])(
    'another origin, at %s',
    async (path) => {
      const server = await start()
      const socket = await TestSocket.connect(server.url + path, { origin: ELSEWHERE })
      expect(await socket.next()).toMatchObject({
        uuid: '',
        status: { value: 0, text: expect.stringContaining(ELSEWHERE) },
        event: { type: 'error', code: 'origin_refused' },
      })
      expect(await socket.closed()).toMatchObject({ code: 4504, reason: expect.stringContaining(ELSEWHERE) })
    },
  )

  test('a server that is full', async () => {
    const { server } = await startFull()
    const socket = await TestSocket.connect(`${server.url}/broadcasting`)
    const { event } = await socket.next()
    expect(event).toMatchObject({ type: 'error', code: 'server_full', limit: 1 })
    expect(await socket.closed()).toMatchObject({ code: 4004 })
  })

  test('a name that the server has not been told: what to set', async () => {
    const server = await start()
    const socket = await TestSocket.connect(`${server.url}/broadcasting`, {
      origin: 'http://show.example',
      headers: { Host: 'show.example' },
    })
    const { event } = await socket.next()
    expect(event).toMatchObject({
      code: 'origin_refused',
      message: expect.stringMatching(/^set PUBLIC_URL=http:\/\/show\.example:/),
    })
  })

  test('[B2] one that does not hang up is ended all the same', async () => {
    const server = await start()
    const socket = await connectRaw(server.url)
    socket.write(head('GET /broadcasting', { ...HANDSHAKE, Origin: ELSEWHERE }))
    const sent = performance.now()
    expect(await untilClosed(socket)).toContain('origin_refused')
    expect(performance.now() - sent).toBeLessThan(4000)
  })
})

describe('[J5] the SDK', () => {
  test('present is rejected with the code at once, where another try is of no use', async () => {
    const server = await start()
    await expect(present(server.url, { webSocket })).rejects.toMatchObject({ code: 'origin_refused' })
  })

  test('present is rejected with the last reason, where no try was of use in time', async () => {
    const { server } = await startFull()
    await expect(present(server.url, { openWithin: 300 })).rejects.toMatchObject({ code: 'server_full', limit: 1 })
  })

  test('present has its room when there is place in time', async () => {
    const { server, owner } = await startFull()
    const opened = present(server.url)
    await until(() => vi.mocked(console.error).mock.calls.some(([line]) => String(line).includes('server_full')))
    owner.close()
    const room = await opened
    room.leave()
  })

  test('follow ends with the code, where another try is of no use', async () => {
    const server = await start()
    const room = follow(server.url, '00000000-0000-4000-8000-000000000000', { webSocket })
    await happening(room, 'status', (status) => status === 'ended')
    expect(room.ending).toMatchObject({ code: 'origin_refused' })
  })

  test('follow says once what it waits for, where it goes on trying', async () => {
    const { server, owner, uuid } = await startFull()
    const room = follow(server.url, uuid)
    onTestFinished(() => room.leave())
    const problems: Error[] = []
    room.when('problem', (problem) => problems.push(problem))
    const refused = () => vi.mocked(console.error).mock.calls.filter(([line]) => String(line).includes('server_full'))
    await until(() => problems.length > 0 && refused().length > 0)
    expect(problems).toMatchObject([{ code: 'server_full' }])
    expect(room.status).toBe('connecting')
    owner.close()
    await happening(room, 'status', (status) => status !== 'connecting')
    expect(problems).toHaveLength(1)
  })
})

describe('[J5] [B2] a flood of clients that may not come in', () => {
  let server: Child & { address: string }
  let bystander: Bystander

  beforeEach(async () => {
    server = await startChildServer()
    bystander = await Bystander.enter(server.address)
    return () => server.kill()
  })

  /** Comes, is refused, and does not hang up by itself. */
  async function refused(): Promise<string> {
    const socket = await connectRaw(server.address)
    socket.write(head('GET /broadcasting', { ...HANDSHAKE, Origin: ELSEWHERE }))
    return untilClosed(socket)
  }

  test('some are told over a WebSocket, the others by HTTP; all are ended; it costs no memory, and few lines', async () => {
    await Promise.all(Array.from({ length: 300 }, refused))
    const before = await server.memory()
    const answers = await Promise.all(Array.from({ length: 2000 }, refused))
    const [told, others] = [/^HTTP\/1\.1 101 /, /^HTTP\/1\.1 403 /].map((line) =>
      answers.filter((text) => line.test(text)),
    )
    expect(told!.length).toBeGreaterThan(0)
    expect(told!.length).toBeLessThan(1000)
    expect(told!.length + others!.length).toBe(answers.length)
    for (const text of answers) expect(text).toContain('origin_refused')
    expect((await server.memory()) - before).toBeLessThan(2 * 1024 * 1024)
    expect(server.output.match(/refused/g)!.length).toBeLessThan(5)
    await bystander.isUndisturbed()
    server.process.kill('SIGTERM')
    await server.exit
    expect(server.output).toMatch(/^refused 2299 more: origin_refused: pages of https:\/\/elsewhere\.example /m)
  }, 30_000)
})

describe('the log of refusals', () => {
  function logAt(time: { now: number }) {
    const lines: string[] = []
    return { lines, log: new RefusalLog({ now: () => time.now }, (line) => lines.push(line)) }
  }

  test('the first of a kind at once, how many more after a minute, and then anew', () => {
    const time = { now: 0 }
    const { lines, log } = logAt(time)
    const full = { code: 'server_full', message: 'full' } as const
    for (let i = 0; i < 5; i++) log.note(full)
    log.note({ code: 'origin_refused', message: 'x' })
    expect(lines).toEqual(['refused a client: server_full: full', 'refused a client: origin_refused: x'])
    time.now = 60_000
    log.note(full)
    expect(lines.slice(2)).toEqual(['refused 4 more: server_full: full', 'refused a client: server_full: full'])
  })

  test('[B2] kinds without end are told together', () => {
    const { lines, log } = logAt({ now: 0 })
    for (let i = 0; i < 1000; i++) log.note({ code: 'origin_refused', message: `pages of ${i}` })
    log.flush()
    expect(lines.length).toBeLessThan(30)
    expect(lines.at(-1)).toBe('refused 979 more: origin_refused, and other reasons')
  })
})
