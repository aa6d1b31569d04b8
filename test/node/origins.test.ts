import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { connectRaw, HANDSHAKE, head } from '../support/raw.ts'
import { startTestServer } from '../support/server.ts'

const A = 'https://a.example'
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
  for (const path of ['/broadcasting', '/rooms/x/socket']) {
    const socket = await connectRaw(server.url)
    socket.write(head(`GET ${path}`, { ...HANDSHAKE, Host: host, Origin: sent }))
    expect(String((await once(socket, 'data'))[0])).toMatch(`HTTP/1.1 ${status} `)
    // Who is refused is not left hanging.
    if (status === 403) await once(socket, 'close')
    socket.destroy()
  }
})
