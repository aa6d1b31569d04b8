import type { Batch } from '../room/batch.ts'
import type { Budget } from '../room/budget.ts'
import type { Connection } from '../room/ports.ts'
import { cutReason } from './close-reason.ts'

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

/** Text frames from server to client, which are never masked (RFC 6455, 5.1), one after the other. */
export function frames(texts: readonly string[]): Uint8Array {
  let size = 0
  for (const text of texts) {
    const length = Buffer.byteLength(text)
    size += headerSize(length) + length
  }
  // Small ones come from a pool, which costs a fraction of an allocation each.
  const bytes = Buffer.allocUnsafe(size)
  let at = 0
  for (const text of texts) {
    at = writeHeader(bytes, at, Buffer.byteLength(text))
    at += bytes.write(text, at)
  }
  return bytes
}

const FIN_TEXT = 0x81

function headerSize(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10
}

/** RFC 6455, 5.2. Returns where the payload starts. */
function writeHeader(bytes: Buffer, at: number, length: number): number {
  bytes[at] = FIN_TEXT
  if (length < 126) {
    bytes[at + 1] = length
    return at + 2
  }
  if (length < 65_536) {
    bytes[at + 1] = 126
    return bytes.writeUInt16BE(length, at + 2)
  }
  bytes[at + 1] = 127
  return bytes.writeBigUInt64BE(BigInt(length), at + 2)
}
