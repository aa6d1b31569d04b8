import { hash } from 'node:crypto'
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { ServerWebSocket, type WebSocketLimits } from './web-socket.ts'

/** RFC 6455, 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Sixteen bytes in base64. */
const KEY = /^[+/\dA-Za-z]{22}==$/

/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/

/**
 * Answers an upgrade to WebSocket (RFC 6455, 4.2). Undefined where it was none that can be: then the answer says so, and the
 * socket is closed.
 */
export function shakeHands(
  { method, headers }: IncomingMessage,
  socket: Socket,
  head: Buffer,
  limits: WebSocketLimits,
): ServerWebSocket | undefined {
  const key = headers['sec-websocket-key']
  const protocol = headers['sec-websocket-protocol']?.replace(/,.*/, '').trim()
  if (method !== 'GET') return answer(socket, 405, 'an upgrade is a GET', ['Allow: GET'])
  if (key === undefined || !KEY.test(key)) return answer(socket, 400, 'Sec-WebSocket-Key is missing, or wrong')
  if (headers['sec-websocket-version'] !== '13') {
    return answer(socket, 400, 'Sec-WebSocket-Version must be 13', ['Sec-WebSocket-Version: 13'])
  }
  if (protocol !== undefined && !TOKEN.test(protocol)) return answer(socket, 400, 'Sec-WebSocket-Protocol is wrong')
  if (!socket.readable || !socket.writable) {
    socket.destroy()
    return undefined
  }
  // A client that names subprotocols takes none for a refusal.
  const named = protocol === undefined ? '' : `Sec-WebSocket-Protocol: ${protocol}\r\n`
  socket.write(`${SWITCHING}${hash('sha1', key + GUID, 'base64')}\r\n${named}\r\n`, 'latin1')
  return new ServerWebSocket(socket, head, limits)
}

const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: '

/** Answers in place of an upgrade, and closes. `body` is words, or JSON. */
export function answer(
  socket: Socket,
  status: number,
  body: string | object,
  headers: readonly string[] = [],
): undefined {
  // HTTP's own listener is gone with the upgrade.
  socket.on('error', () => socket.destroy())
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    `Content-Type: ${typeof body === 'string' ? 'text/plain; charset=UTF-8' : 'application/json'}`,
    `Content-Length: ${Buffer.byteLength(text)}`,
    ...headers,
  ]
  socket.once('finish', () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`)
  return undefined
}
