import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { farewell, type Refusal } from '../http/admission.ts'
import { CODES } from '../protocol/codes.ts'
import { Allowance } from '../room/allowance.ts'
import type { Clock } from '../room/ports.ts'
import { frames } from '../transports/websocket.ts'
import { answer, shakeHands } from './handshake.ts'

/** Refused clients that are told why over a WebSocket: at one time, and how many a second. */
const AT_ONCE = 200
const RATE = { burst: AT_ONCE, rate: 100 }

/** Such a client has so many milliseconds to hang up. What it says before it has heard that it is refused, nobody wants. */
const LIMITS = { payload: 64 * 1024, fragments: 128, closing: 2000 }

/** Clients that are not let in: they are told why, without a session, and at a bounded cost. */
export class Refusals {
  readonly #allowance: Allowance
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
    const ws = shakeHands(request, socket, head, LIMITS)
    if (ws === undefined) return
    this.#open++
    ws.listen({ heard: ignore, closed: () => this.#open-- })
    const { text, code, reason } = farewell(refusal)
    socket.write(frames([text]))
    ws.close(code, reason)
  }
}

function ignore(): void {}
