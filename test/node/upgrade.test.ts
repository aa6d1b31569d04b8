import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { Bystander } from '../support/bystander.ts'
import { type Child, startChildServer } from '../support/child.ts'
import { connectRaw, HANDSHAKE, head, untilClosed } from '../support/raw.ts'
import { joinRoom, openRoom, say } from '../support/socket.ts'

let server: Child & { address: string }
let bystander: Bystander

beforeAll(async () => {
  server = await startChildServer()
  bystander = await Bystander.enter(server.address)
})

afterEach(async () => {
  expect(server.isRunning, server.output).toBe(true)
  await bystander.isUndisturbed()
})

afterAll(() => server.kill())

/** Whatever was sent before has been seen by the server when this is answered. */
async function isServing(): Promise<void> {
  expect((await fetch(`${server.address}/health`)).status).toBe(200)
}

describe('[B2] a connection that is reset does not end the process', () => {
  /** Sends `text`, lets the server see it, resets. */
  async function reset(text: string): Promise<void> {
    const socket = await connectRaw(server.address)
    socket.write(text)
    await isServing()
    socket.resetAndDestroy()
  }

  test.each([
    ['to HTTP/2', 'GET /', { ...HANDSHAKE, Upgrade: 'h2c', 'HTTP2-Settings': '' }],
    ['to HTTP/2, where WebSockets are', 'GET /broadcasting', { ...HANDSHAKE, Upgrade: 'h2c' }],
    ['to nothing', 'GET /broadcasting', { ...HANDSHAKE, Upgrade: '' }],
    ['to two', 'GET /broadcasting', { ...HANDSHAKE, Upgrade: 'websocket, h2c' }],
    ['to a WebSocket', 'GET /broadcasting', HANDSHAKE],
    ['to a WebSocket, wrongly', 'GET /broadcasting', { ...HANDSHAKE, 'Sec-WebSocket-Key': undefined }],
    ['to a WebSocket, nowhere', 'GET /nowhere', HANDSHAKE],
    ['by POST', 'POST /broadcasting', { ...HANDSHAKE, 'Content-Length': '10' }],
  ])('after an upgrade %s', async (_, line, headers) => {
    await reset(head(line, headers))
    await Promise.all(Array.from({ length: 50 }, () => reset(head(line, headers))))
    // What would end the process comes with the reset, and that is seen at the latest with what came after it.
    for (let i = 0; i < 3; i++) await isServing()
  })

  test.each([
    ['within half a handshake', head('GET /broadcasting', HANDSHAKE).slice(0, 60)],
    ['after nothing at all', ''],
    ['behind another request', head('GET /health', { Host: 'x' }) + head('GET /broadcasting', HANDSHAKE)],
  ])('%s', async (_, text) => {
    await Promise.all(Array.from({ length: 20 }, () => reset(text)))
    for (let i = 0; i < 3; i++) await isServing()
  })

  test('of owners and their only listeners, all at once', async () => {
    const rooms = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const { owner, uuid } = await openRoom(server.address)
        const { listener } = await joinRoom(server.address, uuid)
        return [owner, listener]
      }),
    )
    for (const { tcp } of rooms.flat()) tcp.resetAndDestroy()
    for (let i = 0; i < 3; i++) await isServing()
  })
})

test.each(['h2c', 'websocket, h2c', 'foo'])('an upgrade to %s is answered as if it were none', async (upgrade) => {
  const socket = await connectRaw(server.address)
  socket.write(head('GET /health', { Host: 'localhost', Connection: 'Upgrade, close', Upgrade: upgrade }))
  expect(await untilClosed(socket)).toMatch(/^HTTP\/1\.1 200 /)
})

describe('a handshake that cannot be is answered, and its connection closed', () => {
  const NO_KEY = { 'Sec-WebSocket-Key': undefined }

  test.each([
    ['no key', 'GET /broadcasting', NO_KEY, 400],
    ['a key that is none', 'GET /broadcasting', { 'Sec-WebSocket-Key': 'short' }, 400],
    ['no version', 'GET /broadcasting', { 'Sec-WebSocket-Version': undefined }, 400],
    ['a version of the past', 'GET /broadcasting', { 'Sec-WebSocket-Version': '7' }, 400],
    ['an address that is not there', 'GET /nowhere', {}, 404],
    ['a room without its socket', 'GET /rooms/x', {}, 404],
    ['more than a room and its socket', 'GET /rooms/x/socket/y', {}, 404],
    ['an address of dots', 'GET /broadcasting/../../etc/passwd', {}, 404],
    ['a page', 'GET /', {}, undefined],
    ['a subprotocol that is none', 'GET /broadcasting', { 'Sec-WebSocket-Protocol': 'a/b' }, 400],
    ['another method', 'POST /broadcasting', {}, 405],
    ['the head only', 'HEAD /broadcasting', {}, 405],
    ['an address that cannot be read', 'GET http://[/broadcasting', {}, undefined],
    ['a host that cannot be read', 'GET /broadcasting', { Host: 'a b' }, undefined],
    ['another origin', 'GET /broadcasting', { Origin: 'https://elsewhere.example' }, 101],
    ['no key, of another origin', 'GET /broadcasting', { ...NO_KEY, Origin: 'https://elsewhere.example' }, 400],
  ])('%s', async (_, line, headers, status) => {
    const socket = await connectRaw(server.address)
    socket.write(head(line, { ...HANDSHAKE, ...headers }))
    const answer = await untilClosed(socket)
    expect(answer).toMatch(status === undefined ? /^HTTP\/1\.1 [2-5]\d\d / : `HTTP/1.1 ${status} `)
  })

  test.each([
    ['one', 'a.b', 'a.b'],
    ['several', 'first, second', 'first'],
  ])('subprotocols, %s: the first is taken, since a browser takes none for a refusal', async (_, offered, taken) => {
    const socket = await connectRaw(server.address)
    onTestFinished(() => void socket.destroy())
    socket.write(head('GET /broadcasting', { ...HANDSHAKE, 'Sec-WebSocket-Protocol': offered }))
    expect(String((await once(socket, 'data'))[0])).toContain(`\r\nSec-WebSocket-Protocol: ${taken}\r\n`)
  })

  test('half a handshake and then silence keeps nobody waiting', async () => {
    const silent = await Promise.all(Array.from({ length: 50 }, () => connectRaw(server.address)))
    onTestFinished(() => silent.forEach((socket) => void socket.destroy()))
    for (const socket of silent) socket.write(head('GET /broadcasting', HANDSHAKE).slice(0, -2))
    await isServing()
    const { owner } = await openRoom(server.address)
    owner.close()
  })

  test('one that is finished late is a handshake all the same', async () => {
    const socket = await connectRaw(server.address)
    onTestFinished(() => void socket.destroy())
    const text = head('GET /broadcasting', HANDSHAKE)
    socket.write(text.slice(0, 30))
    await isServing()
    socket.write(text.slice(30))
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 101 /)
  })
})

describe('[B1] [B2] what is no WebSocket frame costs the connection, and nothing else', () => {
  const MASK = [0, 0, 0, 0]

  test.each([
    ['an unmasked frame', [0x81, 0x01, 0x41], 1002],
    ['reserved bits', [0xf1, 0x81, ...MASK, 0x41], 1002],
    ['compression that was not agreed', [0xc1, 0x81, ...MASK, 0x41], 1002],
    ['an unknown opcode', [0x83, 0x80, ...MASK], 1002],
    ['a continuation of nothing', [0x80, 0x81, ...MASK, 0x41], 1002],
    ['a message within a message', [0x01, 0x81, ...MASK, 0x41, 0x81, 0x81, ...MASK, 0x41], 1002],
    ['half a ping', [0x09, 0x80, ...MASK], 1002],
    ['a long ping', [0x89, 0xfe, 0x00, 0x7e, ...MASK, ...Array(126).fill(0x41)], 1002],
    ['a length past all numbers', [0x81, 0xff, ...Array(8).fill(0xff), ...MASK], 1009],
    ['a length far over the limit', [0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, ...MASK], 1009],
    ['a length of a terabyte', [0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, ...MASK], 1009],
    ['text that is no UTF-8', [0x81, 0x82, ...MASK, 0xc3, 0x28], 1007],
    ['half a close code', [0x88, 0x81, ...MASK, 0x03], 1002],
    ['a close code that may not be sent', [0x88, 0x82, ...MASK, 0x03, 0xed], 1002],
    ['HTTP', [...Buffer.from('GET /health HTTP/1.1\r\n\r\n')], 1002],
    ['noise', Array.from({ length: 5000 }, (_, i) => (i * 7919 + 0xff) & 0xff), 1002],
  ])('%s', async (_, bytes, code) => {
    const { owner, uuid } = await openRoom(server.address)
    const { listener } = await joinRoom(server.address, uuid)
    onTestFinished(() => owner.close())
    listener.tcp.write(Buffer.from(bytes))
    expect((await listener.closed()).code).toBe(code)
    owner.send(say(uuid, 'still', [], { id: 'x' }))
    await owner.nextEvent('ack')
  })
})
