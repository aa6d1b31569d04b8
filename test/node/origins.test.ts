import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { judgeOrigin } from '../../src/http/origin.ts'
import { connectRaw, HANDSHAKE, head, untilClosed } from '../support/raw.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const A = 'https://a.example'
const STAR = { ALLOWED_ORIGINS: 'https://*.example.org,http://*.example.net:8080' }
const LIST = { ALLOWED_ORIGINS: `${A}, http://b.example:8080` }

/** `own` is the origin of the server's own pages. */
const CASES: [what: string, env: Record<string, string>, origin: string | undefined, status: number][] = [
  ['none, as of a program', {}, undefined, 101],
  ['its own', {}, 'own', 101],
  ['its own, behind a proxy that speaks TLS', {}, 'own over TLS', 101],
  ['another', {}, A, 403],
  ['its own host, another port', {}, 'http://127.0.0.1:1', 403],
  ['its own, as the beginning of another', {}, 'own.evil.example', 403],
  ['that of a page in a sandbox', {}, 'null', 403],
  ['what is none', {}, 'anything', 403],
  ['one of the list', LIST, A, 101],
  ['another of the list', LIST, 'http://b.example:8080', 101],
  ['its own, beside a list', LIST, 'own', 101],
  ['none, beside a list', LIST, undefined, 101],
  ['one of the list, without TLS', LIST, 'http://a.example', 403],
  ['one of the list, another port', LIST, `${A}:8080`, 403],
  ['one of the list, as the beginning of another', LIST, `${A}.evil.example`, 403],
  ['one of the list, as the end of another', LIST, 'https://evil-a.example', 403],
  ['one below a star', STAR, 'https://a.example.org', 101],
  ['one far below a star', STAR, 'https://a.b-c.d_e.example.org', 101],
  ['one below a star with a port', STAR, 'http://a.example.net:8080', 101],
  ['the bare domain of a star', STAR, 'https://example.org', 403],
  ['one below a star, without TLS', STAR, 'http://a.example.org', 403],
  ['one below a star, another port', STAR, 'https://a.example.org:8443', 403],
  ['one below a star, without its port', STAR, 'http://a.example.net', 403],
  ['one that ends as a star does', STAR, 'https://evilexample.org', 403],
  ['one below a star, as the beginning of another', STAR, 'https://a.example.org.evil.example', 403],
  ['what only looks as if it were below a star', STAR, 'https://evil.example/.example.org', 403],
  ['a star itself', STAR, 'https://*.example.org', 403],
  ['an empty label below a star', STAR, 'https://.example.org', 403],
  ['the whole list', LIST, LIST.ALLOWED_ORIGINS, 403],
  ['any, where all may', { ALLOWED_ORIGINS: '*' }, 'https://whoever.example', 101],
  ['a sandbox, where all may', { ALLOWED_ORIGINS: '*' }, 'null', 101],
  ['none, where one is required', { REQUIRE_ORIGIN: 'true' }, undefined, 403],
  ['an empty one, where one is required', { REQUIRE_ORIGIN: 'true' }, '', 403],
  ['none, where one is required, and all may', { REQUIRE_ORIGIN: 'true', ALLOWED_ORIGINS: '*' }, undefined, 403],
  ['its own, where one is required', { REQUIRE_ORIGIN: 'true' }, 'own', 101],
]

test.each(CASES)('origin: %s', async (_, env, origin, status) => {
  const server = await startTestServer(env)
  onTestFinished(() => server.stop())
  const { host } = new URL(server.url)
  const sent = origin?.replace('own over TLS', `https://${host}`).replace(/^own/, server.url)
  await isAnswered(server, host, sent, status)
})

const PUBLIC = { PUBLIC_URL: 'https://show.example, http://show.example:8080/' }

/** `host` is what was asked for, whatever that name points to. */
const NAMES: [what: string, env: Record<string, string>, host: string, origin: string, status: number][] = [
  ['a name that somebody has pointed here', {}, 'rebound.example', 'http://rebound.example', 403],
  ['the same with a port', {}, 'rebound.example:8080', 'http://rebound.example:8080', 403],
  ['a name that only looks like an address', {}, '127.0.0.1.example', 'http://127.0.0.1.example', 403],
  ['a name that only looks like localhost', {}, 'localhost.example', 'http://localhost.example', 403],
  ['another name that does', {}, 'evillocalhost', 'http://evillocalhost', 403],
  ['an address of the network', {}, '192.168.1.7:8080', 'http://192.168.1.7:8080', 101],
  ['an IPv6 address', {}, '[fe80::1]:8080', 'http://[fe80::1]:8080', 101],
  ['localhost', {}, 'localhost:8080', 'http://localhost:8080', 101],
  ['a name below localhost', {}, 'show.localhost:8080', 'http://show.localhost:8080', 101],
  ['the name that it has been told', PUBLIC, 'show.example', 'https://show.example', 101],
  ['another that it has been told', PUBLIC, 'show.example:8080', 'http://show.example:8080', 101],
  ['its name, behind a proxy that changes Host', PUBLIC, '10.0.0.7:8080', 'https://show.example', 101],
  ['its name, without TLS', PUBLIC, 'show.example', 'http://show.example', 403],
  ['its name, another port', PUBLIC, 'show.example:444', 'https://show.example:444', 403],
  ['an address, where it has been told a name', PUBLIC, '192.168.1.7', 'http://192.168.1.7', 403],
  ['a name, where it has been told another', PUBLIC, 'rebound.example', 'http://rebound.example', 403],
]

test.each(NAMES)('the server is asked by %s', async (_, env, host, origin, status) => {
  const server = await startTestServer(env)
  onTestFinished(() => server.stop())
  await isAnswered(server, host, origin, status)
})

test('who runs it under a name that it has not been told is told what to set', async () => {
  const server = await startTestServer()
  onTestFinished(() => server.stop())
  const socket = await connectRaw(server.url)
  socket.write(
    head('POST /rooms', {
      Host: 'show.example',
      Origin: 'http://show.example',
      Connection: 'close',
      'Content-Length': '0',
    }),
  )
  expect(await untilClosed(socket)).toContain('set PUBLIC_URL=http://show.example')
})

/** At each address where it matters. */
async function isAnswered(server: TestServer, host: string, origin: string | undefined, status: number): Promise<void> {
  for (const path of ['/broadcasting', '/rooms/x/socket']) {
    const socket = await connectRaw(server.url)
    socket.write(head(`GET ${path}`, { ...HANDSHAKE, Host: host, Origin: origin }))
    let answer = ''
    // Who is refused is told so over the WebSocket (J5).
    const isWhole = () => (status === 403 ? answer.includes('origin_refused') : answer.endsWith('\r\n\r\n'))
    while (!isWhole()) answer += String((await once(socket, 'data'))[0])
    expect(answer).toMatch(/^HTTP\/1\.1 101 /)
    socket.destroy()
  }
  const socket = await connectRaw(server.url)
  socket.write(head('POST /rooms', { Host: host, Origin: origin, Connection: 'close', 'Content-Length': '0' }))
  expect(await untilClosed(socket)).toMatch(`HTTP/1.1 ${status === 101 ? 201 : status} `)
}

test.each([
  ['the host that was asked', 'https://show.example', 'show.example', 'https:', 'allowed'],
  ['the same, without TLS', 'http://show.example', 'show.example', 'https:', 'refused'],
  ['the same, another port', 'https://show.example:8443', 'show.example', 'https:', 'refused'],
  ['another', 'https://elsewhere.example', 'show.example', 'https:', 'refused'],
] as const)('where a platform routes by the host, the own origin is %s', (_, origin, host, scheme, verdict) => {
  const policy = { allowed: [], own: [], hostFrom: 'platform', allowNone: true } as const
  expect(judgeOrigin(policy, { origin, host, scheme })).toBe(verdict)
})
