import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import { farewell, type Refusal } from '../http/admission.ts'
import { CODES } from '../protocol/codes.ts'
import { Allowance } from '../room/allowance.ts'
import type { Clock } from '../room/ports.ts'
import { ignore } from './web-socket.ts'

/** Refused clients that are told why over a WebSocket: at one time, and how many a second. */
const AT_ONCE = 200
const RATE = { burst: AT_ONCE, rate: 100 }

/** Milliseconds that such a client has to hang up. */
const LINGER = 2000

/** Bounds on what a client says before it has heard that it is refused: nothing of it is wanted. */
const UNWANTED = { maxPayload: 64 * 1024, maxFragments: 128, maxBufferedChunks: 1024 }

/** Clients that are not let in: they are told why, without a session, and at a bounded cost. */
export class Refusals {
  readonly #allowance: Allowance
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    ...UNWANTED,
    closeTimeout: LINGER,
  } as object)
  /** Those that have not hung up yet. */
  #open = 0

  constructor(clock: Clock) {
    this.#allowance = new Allowance(clock, RATE)
  }

  /**
   * Takes the socket, says why, and closes. Past the bounds, and from a server that stops, which another may stand in for
   * unseen, the answer is HTTP's.
   */
  refuse(request: IncomingMessage, socket: Socket, head: Buffer, refusal: Refusal): void {
    if (refusal.code === 'going_away' || this.#open >= AT_ONCE || !this.#allowance.take()) {
      return answer(socket, CODES[refusal.code].http, refusal)
    }
    this.#webSockets.handleUpgrade(request, socket, head, (ws) => {
      this.#open++
      ws.on('error', ignore)
      ws.on('close', () => this.#open--)
      const { text, code, reason } = farewell(refusal)
      ws.send(text)
      ws.close(code, reason)
    })
  }
}

/** Answers in place of an upgrade, and closes. */
export function answer(socket: Socket, status: number, problem?: object): void {
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
