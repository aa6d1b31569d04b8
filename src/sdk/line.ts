import { CODES, type Code, mayRetry, type Problem } from '../protocol/codes.ts'
import type { ServerMessage } from '../protocol/messages.ts'
import { PING } from '../protocol/routes.ts'
import { pauseBefore } from './backoff.ts'
import { taken } from './text.ts'
import { isHidden, onWake } from './wake.ts'

/**
 * Milliseconds without a word after which the server is asked for one, and then until the line is given up. Who looks at
 * the page knows within 20 s; of a page that nobody sees it is asked less often.
 */
const SEEN = { quiet: 15_000, answer: 4500 }
const HIDDEN = { quiet: 25_000, answer: 8000 }

/** Milliseconds until the server has to have let us in. */
const HANDSHAKE = 16_000

const OPEN = 1

/** Refused, or over; the server closes right after. */
const STATUS_NOT_CONNECTED = 0

/** Who has the line: what it says first, and what it is told. */
export interface LineUser {
  /** The first message on each new connection: opens, takes back or joins. */
  hello(): string
  message(message: ServerMessage): void
  /** The connection is gone, and will be tried again; `problem` is what the server said of it, if anything. */
  lost(problem: Problem | undefined): void
  /** The server has said no, or the room is over: nothing is tried again. */
  ended(problem: Problem): void
}

/** A WebSocket that comes back: with pauses that grow, at the server's word, and at once when the machine wakes up. */
export class Line {
  readonly #url: string
  readonly #user: LineUser
  readonly #WebSocket: typeof WebSocket
  readonly #stopWake: () => void
  #socket: WebSocket | undefined
  #attempt = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #retryWithin: number | undefined
  #farewell: Problem | undefined
  #isOver = false

  constructor(url: string, user: LineUser, webSocket: typeof WebSocket = WebSocket) {
    this.#url = url
    this.#user = user
    this.#WebSocket = webSocket
    this.#stopWake = onWake(
      () => this.#wake(),
      () => this.restart(),
    )
  }

  connect(): void {
    if (this.#isOver) return
    this.#farewell = undefined
    const socket = this.#dial()
    if (socket === undefined) return
    this.#socket = socket
    // The handshake has to come to an end too.
    this.#expectWithin(HANDSHAKE)
    socket.onopen = () => socket.send(this.#user.hello())
    socket.onmessage = ({ data }) => {
      if (this.#socket !== socket) return
      this.#expectQuiet()
      if (typeof data !== 'string') return
      this.#takeFrame(socket, data)
    }
    // What failed, the close that follows says; some implementations throw an error that nobody listens to.
    socket.onerror = () => {}
    socket.onclose = ({ code, reason }) => this.#lost(socket, code, reason)
  }

  /** The server has let us in: the next pause starts small again. */
  established(): void {
    this.#attempt = 0
    this.#retryWithin = undefined
  }

  /** False when there is no connection to say it on. */
  send(text: string): boolean {
    if (this.#socket?.readyState !== OPEN) return false
    this.#socket.send(text)
    return true
  }

  /** Drops the connection, whatever its state, and makes a new one: what came on it can not be trusted. */
  restart(): void {
    const socket = this.#socket
    if (socket !== undefined) this.#lost(socket, 1006, '')
  }

  /** Asks for a sign of life. The line is given up when none comes within so many milliseconds. */
  probe(within = pace().answer): void {
    if (this.send(PING)) this.#expectWithin(within)
  }

  /** Hangs up for good. */
  hangUp(): void {
    this.#stop()
    this.#socket?.close(1000)
  }

  /** Undefined where a browser will not have it at all: a page of `https` may not connect to `ws`. */
  #dial(): WebSocket | undefined {
    try {
      return new this.#WebSocket(this.#url)
    } catch (error) {
      this.#stop()
      this.#user.ended({ code: 'server_error', message: `${error}` })
      return undefined
    }
  }

  /** A server may put several messages in one frame, a line each. */
  #takeFrame(socket: WebSocket, data: string): void {
    let messages: ServerMessage[]
    try {
      messages = data.split('\n').map((text) => JSON.parse(text))
    } catch {
      // No server of ours says what is no JSON.
      return this.restart()
    }
    // One of them may end the line: what comes after it will come again on the next.
    for (const message of messages) if (this.#socket === socket) this.#take(message)
  }

  #take(message: ServerMessage): void {
    const event = 'event' in message ? message.event : undefined
    if (event?.type === 'goaway') this.#retryWithin = event.retryWithin
    // A server whose network does not tell it what arrives would otherwise fill the line of who reads too slowly (R6).
    if (event?.type === 'taken') this.send(taken(event.nonce))
    else if (event?.type === 'error' && message.status.value === STATUS_NOT_CONNECTED) {
      const { type: _, ...problem } = event
      this.#farewell = problem
    } else this.#user.message(message)
  }

  #lost(socket: WebSocket, code: number, reason: string): void {
    if (this.#socket !== socket || this.#isOver) return
    this.#socket = undefined
    clearTimeout(this.#timer)
    socket.close()
    if (!mayRetry(code)) {
      this.#stop()
      this.#user.ended(this.#farewell ?? problemOf(code, reason))
      return
    }
    this.#user.lost(this.#farewell)
    const pause = this.#retryWithin !== undefined ? Math.random() * this.#retryWithin : pauseBefore(this.#attempt++)
    this.#retryWithin = undefined
    this.#timer = setTimeout(() => this.connect(), pause)
  }

  /** Back from sleep, from the background, or online again: try at once, or find out whether the line still holds. */
  #wake(): void {
    if (this.#isOver) return
    if (this.#socket === undefined) {
      clearTimeout(this.#timer)
      this.#attempt = 0
      this.connect()
    } else this.probe()
  }

  #expectQuiet(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.probe(), pace().quiet)
  }

  #expectWithin(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.restart(), ms)
  }

  #stop(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#stopWake()
  }
}

function pace(): { readonly quiet: number; readonly answer: number } {
  return isHidden() ? HIDDEN : SEEN
}

/** For a close that no message came before. */
function problemOf(close: number, reason: string): Problem {
  const known = Object.entries(CODES).find(([, row]) => 'close' in row && row.close === close)
  return { code: (known?.[0] ?? 'server_error') as Code, message: reason || `the line was closed (${close})` }
}
