import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { WebSocket, WebSocketServer } from 'ws'
import { type Admission, refusalOf } from '../http/admission.ts'
import { CODES } from '../protocol/codes.ts'
import { readSocketPath } from '../protocol/routes.ts'

/** What takes the sockets. */
export interface UpgradeHouse {
  readonly admission: Admission
  readonly webSockets: WebSocketServer
  /** `uuid` is the room that the address names, where it names one. */
  connect(ws: WebSocket, socket: Socket, uuid: string | undefined): void
}

/** Whether a request is an upgrade at all: one to another protocol than WebSocket is an ordinary request (RFC 9110, 7.8). */
export function isUpgrade({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

/** The listener of the server's `upgrade` event: takes the socket, or answers, and ends it. */
export function upgradeListener({ admission, webSockets, connect }: UpgradeHouse) {
  return (request: IncomingMessage, duplex: Duplex, head: Buffer): void => {
    // The server's connections are TCP.
    const socket = duplex as Socket
    const { origin, host } = request.headers
    const address = readSocketPath(pathOf(request.url!))
    if (address === undefined) return answer(socket, 404)
    if (host === undefined || !HOST.test(host)) return answer(socket, 400)
    const problem = refusalOf(admission, { origin, host })
    if (problem !== undefined) return answer(socket, CODES[problem.code].http, problem)
    // What else is wrong with the handshake, `ws` answers.
    webSockets.handleUpgrade(request, socket, head, (ws) => connect(ws, socket, address.uuid))
  }
}

/** A name or an address, and a port (RFC 9110, 7.2). */
const HOST = /^(\[[\da-f:.]+\]|[^\s/?#@:[\]\\]+)(:\d*)?$/i

/** The path of a request's target, which a proxy may have written in its absolute form (RFC 9112, 3.2.2). */
function pathOf(target: string): string {
  if (!target.startsWith('/')) return URL.parse(target)?.pathname ?? ''
  const query = target.indexOf('?')
  return query === -1 ? target : target.slice(0, query)
}

/** Answers in place of an upgrade, and closes. */
function answer(socket: Socket, status: number, problem?: object): void {
  // HTTP's own listener is gone with the upgrade.
  socket.on('error', () => socket.destroy())
  const body = problem === undefined ? `${status} ${STATUS_CODES[status]}` : JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    `Content-Type: ${problem === undefined ? 'text/plain; charset=UTF-8' : 'application/json'}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  socket.once('finish', () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
