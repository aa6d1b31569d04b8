import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { WebSocket, WebSocketServer } from 'ws'
import { type Admission, refusalOf } from '../http/admission.ts'
import { readSocketPath } from '../protocol/routes.ts'
import { answer, type Refusals } from './refusals.ts'

/** What takes the sockets. */
export interface UpgradeHouse {
  readonly admission: Admission
  readonly refusals: Refusals
  readonly webSockets: WebSocketServer
  /** `uuid` is the room that the address names, where it names one. */
  connect(ws: WebSocket, socket: Socket, uuid: string | undefined): void
}

/** Whether a request is an upgrade at all: one to another protocol than WebSocket is an ordinary request (RFC 9110, 7.8). */
export function isUpgrade({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

/** The listener of the server's `upgrade` event: takes the socket, or answers, and ends it. */
export function upgradeListener({ admission, refusals, webSockets, connect }: UpgradeHouse) {
  return (request: IncomingMessage, duplex: Duplex, head: Buffer): void => {
    // The server's connections are TCP.
    const socket = duplex as Socket
    const { origin, host } = request.headers
    const address = readSocketPath(pathOf(request.url!))
    if (address === undefined) return answer(socket, 404)
    if (host === undefined || !HOST.test(host)) return answer(socket, 400)
    const refusal = refusalOf(admission, { origin, host })
    if (refusal !== undefined) return refusals.refuse(request, socket, head, refusal)
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
