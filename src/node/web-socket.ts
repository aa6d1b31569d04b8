import type { Socket } from 'node:net'
import { type Frame, type FrameLimits, FrameReader, type FrameUser } from './frame-reader.ts'

/** Who is told what comes on a WebSocket. */
export interface WebSocketUser {
  heard(frame: Frame): void
  /** The TCP connection is gone: nothing more comes. */
  closed(): void
}

export interface WebSocketLimits extends FrameLimits {
  /** Milliseconds that the other side has to close, once this side has. */
  readonly closing: number
}

/** RFC 6455, 7: the numbers that a browser's WebSocket has. */
const STATE = { open: 1, closing: 2, closed: 3 } as const

/** The first byte of a control frame (RFC 6455, 5.2), which is never cut. */
const FIRST = { close: 0x88, ping: 0x89, pong: 0x8a } as const

const EMPTY = Buffer.alloc(0)

/** On the TCP socket: the listeners, which all connections share, find theirs by it. */
const OWN = Symbol('WebSocket')

type OwnedSocket = Socket & { [OWN]?: ServerWebSocket }

/**
 * The server's side of a WebSocket whose handshake is over (RFC 6455). It reads, and sends control frames; messages are
 * written to its TCP socket by who has framed them.
 */
export class ServerWebSocket implements FrameUser {
  readonly #socket: OwnedSocket
  readonly #limits: WebSocketLimits
  readonly #reader: FrameReader
  #user: WebSocketUser | undefined
  #readyState: number = STATE.open
  #isPaused = false
  #timer: ReturnType<typeof setTimeout> | undefined

  /** `head` is what came behind the handshake. */
  constructor(socket: Socket, head: Buffer, limits: WebSocketLimits) {
    this.#socket = socket
    this.#limits = limits
    this.#reader = new FrameReader(limits, this)
    this.#socket[OWN] = this
    socket.setTimeout(0)
    socket.setNoDelay()
    if (head.length > 0) socket.unshift(head)
    // What has to be said of an error, the close that follows says.
    socket.on('error', ignore)
    socket.on('end', onEnd)
    socket.on('close', onClose)
    socket.on('data', onData)
  }

  get readyState(): number {
    return this.#readyState
  }

  /** Nothing is read. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  /** To be called in the turn in which it was made: nothing is heard before that. */
  listen(user: WebSocketUser): void {
    this.#user = user
  }

  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#socket.resume()
  }

  ping(): void {
    this.#control(FIRST.ping, EMPTY)
  }

  pong(data: Buffer): void {
    this.#control(FIRST.pong, data)
  }

  /** Sends a close frame after all that was written, and waits for the other's. `reason` has at most 123 bytes of UTF-8. */
  close(code?: number, reason = ''): void {
    if (this.#readyState !== STATE.open) return
    const payload = Buffer.allocUnsafe(code === undefined ? 0 : 2 + Buffer.byteLength(reason))
    if (code !== undefined) {
      payload.writeUInt16BE(code)
      payload.write(reason, 2)
    }
    this.#control(FIRST.close, payload)
    this.#readyState = STATE.closing
    this.#expectEnd()
  }

  terminate(): void {
    if (this.#readyState === STATE.open) this.#readyState = STATE.closing
    this.#socket.destroy()
  }

  heard(frame: Frame): void {
    this.#user?.heard(frame)
  }

  closing(code: number | undefined): void {
    this.close(code)
    this.#hangUp()
  }

  failed(code: number): void {
    this.close(code)
    this.#hangUp()
  }

  #control(first: number, payload: Buffer): void {
    if (this.#readyState !== STATE.open) return
    const frame = Buffer.allocUnsafe(2 + payload.length)
    frame[0] = first
    frame[1] = payload.length
    payload.copy(frame, 2)
    this.#socket.write(frame)
  }

  /** Nothing more is sent. What still comes is read, and goes nowhere: else its end would not be seen. */
  #hangUp(): void {
    if (this.#readyState === STATE.open) this.#readyState = STATE.closing
    this.resume()
    this.#socket.end()
    this.#expectEnd()
  }

  #expectEnd(): void {
    this.#timer ??= setTimeout(() => this.#socket.destroy(), this.#limits.closing)
  }

  /** Bytes have come. */
  received(chunk: Buffer): void {
    this.#reader.read(chunk)
  }

  /** The other side will send no more. */
  ended(): void {
    this.#hangUp()
  }

  /** The TCP connection is gone. */
  gone(): void {
    const socket = this.#socket
    // What had come while nothing was read.
    const rest: Buffer | null = socket.readableLength > 0 ? socket.read() : null
    if (rest !== null) this.#reader.read(rest)
    this.#readyState = STATE.closed
    clearTimeout(this.#timer)
    this.#user?.closed()
  }
}

function onData(this: OwnedSocket, chunk: Buffer): void {
  this[OWN]!.received(chunk)
}

function onEnd(this: OwnedSocket): void {
  this[OWN]!.ended()
}

function onClose(this: OwnedSocket): void {
  this[OWN]!.gone()
}

function ignore(): void {}
