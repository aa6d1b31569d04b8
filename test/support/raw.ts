import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A bare TCP connection to the server at `url`: for what no HTTP client would send. */
export async function connectRaw(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  await once(socket, 'connect')
  socket.on('error', () => {})
  return socket
}

/** All that the server sends until it closes the connection. */
export async function untilClosed(socket: Socket): Promise<string> {
  let answer = ''
  socket.on('data', (data) => {
    answer += data
  })
  if (!socket.closed) await once(socket, 'close')
  return answer
}

/** An HTTP request's head; a header that is undefined is left out. */
export function head(line: string, headers: Record<string, string | undefined>): string {
  const given = Object.entries(headers).filter(([, value]) => value !== undefined)
  return [`${line} HTTP/1.1`, ...given.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n')
}

/** The headers of a WebSocket handshake that nothing is wrong with. */
export const HANDSHAKE = {
  Host: 'localhost',
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  'Sec-WebSocket-Version': '13',
}
