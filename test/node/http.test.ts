import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { ROOT } from '../support/child.ts'
import { connectRaw, head, untilClosed } from '../support/raw.ts'
import { startTestServer } from '../support/server.ts'
import { openRoom } from '../support/socket.ts'

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
const PAGE = 'https://a.example'
const ELSEWHERE = 'https://elsewhere.example'

async function start(env: Record<string, string> = {}) {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const server = await startTestServer(env)
  onTestFinished(async () => {
    await server.stop()
    vi.restoreAllMocks()
  })
  const health = async (path: string) => {
    const answer = await fetch(server.url + path)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    return { status: answer.status, body: await answer.json() }
  }
  return { ...server, health }
}

describe('health', () => {
  test('of a server that works and has place', async () => {
    const { health } = await start()
    expect(await health('/health/live')).toEqual({ status: 200, body: { status: 'ok', version } })
    expect(await health('/health/ready')).toEqual({ status: 200, body: { status: 'ok', version } })
    const figures = { rooms: 0, connections: 0, uptime: expect.any(Number) }
    expect(await health('/health')).toMatchObject({ status: 200, body: { status: 'ok', version, ...figures } })
  })

  test('one that is full works: it is not to be restarted, and nobody to be sent there', async () => {
    const { url, health } = await start({ MAX_CONNECTIONS: '1' })
    await openRoom(url)
    expect(await health('/health/live')).toMatchObject({ status: 200 })
    const full = { status: 503, body: { status: 'unavailable', version, code: 'server_full', limit: 1 } }
    expect(await health('/health/ready')).toMatchObject(full)
    expect(await health('/health')).toMatchObject(full)
  })

  test.each(['/health/live', '/health/ready'])('%s is answered to a balancer that names no host', async (path) => {
    const { url } = await start()
    const socket = await connectRaw(url)
    socket.write(`GET ${path} HTTP/1.0\r\n\r\n`)
    expect(await untilClosed(socket)).toMatch(/^HTTP\/1\.[01] 200 /)
  })

  test('the container is restarted when it does not work, and the balancer asks whether it may send clients', () => {
    const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
    expect(/HEALTHCHECK[\s\S]*?CMD .*/.exec(read('Dockerfile'))![0]).toContain('/health/live`')
    expect(read('compose.yaml')).toMatch(/^ +option httpchk GET \/health\/ready$/m)
  })
})

describe('POST /rooms from a page', () => {
  const post = (url: string, origin: string) => fetch(`${url}/rooms`, { method: 'POST', headers: { Origin: origin } })

  test('of an allowed origin: it can read the answer', async () => {
    const { url } = await start({ ALLOWED_ORIGINS: PAGE })
    const answer = await post(url, PAGE)
    expect(answer.status).toBe(201)
    expect(answer.headers.get('access-control-allow-origin')).toBe(PAGE)
    expect(answer.headers.get('vary')).toBe('Origin')
  })

  test('of an allowed origin: it can read why there is none', async () => {
    const { url } = await start({ ALLOWED_ORIGINS: PAGE, MAX_ROOMS: '1' })
    await post(url, PAGE)
    const answer = await post(url, PAGE)
    expect(answer.status).toBe(503)
    expect(answer.headers.get('access-control-allow-origin')).toBe(PAGE)
    expect(await answer.json()).toMatchObject({ code: 'server_full' })
  })

  test('of an allowed origin: the browser may ask before, and keep the answer', async () => {
    const { url } = await start({ ALLOWED_ORIGINS: PAGE })
    const headers = {
      Origin: PAGE,
      'Access-Control-Request-Method': 'POST',
      'Access-Control-Request-Headers': 'content-type',
    }
    const answer = await fetch(`${url}/rooms`, { method: 'OPTIONS', headers })
    expect(answer.status).toBe(204)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'Authorization, Content-Type',
      'access-control-max-age': '7200',
      vary: 'Origin',
    })
  })

  test.each(['POST', 'OPTIONS'])('of another origin, by %s: refused, and no room is made', async (method) => {
    const { url, health } = await start({ ALLOWED_ORIGINS: PAGE, MAX_ROOMS: '1' })
    const answer = await fetch(`${url}/rooms`, { method, headers: { Origin: ELSEWHERE } })
    expect(answer.status).toBe(403)
    expect(answer.headers.get('access-control-allow-origin')).toBe(null)
    expect(answer.headers.get('vary')).toBe('Origin')
    expect(await answer.json()).toMatchObject({ code: 'origin_refused' })
    expect(await health('/health')).toMatchObject({ status: 200, body: { rooms: 0 } })
    // There is place for the one that there may be.
    expect((await post(url, PAGE)).status).toBe(201)
  })
})

describe('methods', () => {
  const GET = 'GET, HEAD, OPTIONS'

  test.each([
    ['/health', GET],
    ['/health/live', GET],
    ['/health/ready', GET],
    ['/broadcasting', GET],
    ['/rooms/x/socket', GET],
    ['/', GET],
    ['/roomcast.js', GET],
    ['/rooms', 'OPTIONS, POST'],
  ])('%s takes %s, and says so', async (path, allow) => {
    const { url } = await start()
    for (const method of ['DELETE', 'PUT', 'PATCH', allow === GET ? 'POST' : 'GET']) {
      const answer = await fetch(url + path, { method })
      expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, allow])
      expect(await answer.json()).toMatchObject({ code: 'method_not_allowed' })
    }
    const options = await fetch(url + path, { method: 'OPTIONS' })
    expect([options.status, options.headers.get('allow')]).toEqual([204, allow])
  })

  test.each([
    ['/health', 200],
    ['/health/live', 200],
    ['/', 200],
    ['/broadcasting', 426],
    ['/rooms', 405],
  ])('the head of %s', async (path, status) => {
    const { url } = await start()
    const socket = await connectRaw(url)
    socket.write(head(`HEAD ${path}`, { Host: 'localhost', Connection: 'close' }))
    const answer = await untilClosed(socket)
    expect(answer).toMatch(`HTTP/1.1 ${status} `)
    expect(answer.split('\r\n\r\n')[1]).toBe('')
  })
})
