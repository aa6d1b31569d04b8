import type { Batch } from '../room/batch.ts'
import type { Budget } from '../room/budget.ts'
import { utf8Length } from '../room/bytes.ts'
import type { Connection } from '../room/ports.ts'

/** What is used of a WebSocket. */
export interface WebSocketLike {
  readonly readyState: number
  close(code: number, reason: string): void
}

/** What is used of the TCP socket below it. */
export interface SocketLike {
  readonly writableLength: number
  readonly destroyed: boolean
  write(bytes: Uint8Array): boolean
  cork(): void
  uncork(): void
}

const OPEN = 1

/** RFC 6455, 5.5: a control frame's payload is 125 bytes at most, of which two are the close code. */
const CLOSE_REASON_BYTES = 123

/**
 * A WebSocket whose frames are written straight to its TCP socket: a batch is framed once for all its listeners, and is one
 * write for each of them.
 */
export class WebSocketConnection implements Connection {
  readonly #ws: WebSocketLike
  readonly #socket: SocketLike
  readonly #onFull: () => void
  readonly rest: (ms: number) => void
  readonly #budget: Budget
  /** What the socket has not taken, where it is full. */
  #queued: Batch[] | undefined

  /**
   * `onFull` is called at each write that the socket did not take at once: it will emit `drain`. `rest` stops the reading for
   * so many milliseconds.
   */
  constructor(ws: WebSocketLike, socket: SocketLike, onFull: () => void, rest: (ms: number) => void, budget: Budget) {
    this.#budget = budget
    this.rest = rest
    this.#ws = ws
    this.#socket = socket
    this.#onFull = onFull
  }

  get backlog(): number {
    return this.#socket.writableLength
  }

  write(batch: Batch): void {
    // After a close frame nothing may follow (RFC 6455, 5.5.1).
    if (this.#ws.readyState !== OPEN || this.#socket.destroyed) return
    if (this.#socket.write(batch.as(frames))) return
    this.#queued ??= []
    this.#queued.push(batch)
    batch.queue(this.#budget)
    this.#onFull()
  }

  /** The socket has taken all, or it is gone. */
  drained(): void {
    for (const batch of this.#queued ?? []) batch.unqueue(this.#budget)
    this.#queued = undefined
  }

  together(writing: () => void): void {
    this.#socket.cork()
    try {
      writing()
    } finally {
      this.#socket.uncork()
    }
  }

  close(code: number, reason: string): void {
    if (this.#ws.readyState === OPEN) this.#ws.close(code, cutReason(reason))
  }
}

const encoder = new TextEncoder()

/** Text frames from server to client, which are never masked (RFC 6455, 5.1), one after the other. */
export function frames(texts: readonly string[]): Uint8Array {
  const lengths = texts.map(utf8Length)
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + headerSize(length) + length, 0))
  let at = 0
  texts.forEach((text, i) => {
    at = writeHeader(bytes, at, lengths[i]!)
    at += encoder.encodeInto(text, bytes.subarray(at)).written
  })
  return bytes
}

const FIN_TEXT = 0x81

function headerSize(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10
}

/** RFC 6455, 5.2. Returns where the payload starts. */
function writeHeader(bytes: Uint8Array, at: number, length: number): number {
  const size = headerSize(length)
  const view = new DataView(bytes.buffer, at, size)
  view.setUint8(0, FIN_TEXT)
  if (size === 2) view.setUint8(1, length)
  else if (size === 4) {
    view.setUint8(1, 126)
    view.setUint16(2, length)
  } else {
    view.setUint8(1, 127)
    view.setBigUint64(2, BigInt(length))
  }
  return at + size
}

/** Cuts a close reason to what fits, at a character's start. */
export function cutReason(reason: string): string {
  let text = reason
  while (utf8Length(text) > CLOSE_REASON_BYTES) text = text.slice(0, -1)
  return text
}
