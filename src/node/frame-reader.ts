import { isUtf8 } from 'node:buffer'

/** What a frame, or a message of several, holds. Its bytes are not used again by who has read it. */
export interface Frame {
  readonly kind: 'text' | 'binary' | 'ping' | 'pong'
  readonly data: Buffer
}

/** Takes what the frames of a client hold (RFC 6455, 5). */
export interface FrameUser {
  /** Text is UTF-8. */
  heard(frame: Frame): void
  /** A close frame: nothing that follows is read. `code` is undefined where it names none. */
  closing(code: number | undefined): void
  /** What came is no frame that may be sent: nothing that follows is read. `code` says which fault (RFC 6455, 7.4). */
  failed(code: number): void
}

export interface FrameLimits {
  /** Bytes of a message. */
  readonly payload: number
  /** Frames of a message. */
  readonly fragments: number
}

const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** RFC 6455, 7.4.1. */
const FAULT = { protocol: 1002, noText: 1007, policy: 1008, tooLarge: 1009 } as const

/** RFC 6455, 5.5: bytes of a control frame's payload. */
const MAX_CONTROL = 125

const EMPTY = Buffer.alloc(0)

/** Reads the frames of a client, however the network has cut them. */
export class FrameReader {
  readonly #limits: FrameLimits
  readonly #user: FrameUser
  /** The beginning of a frame that is not whole, in a buffer that may have more room than that. */
  #begun: Buffer | undefined
  #begunLength = 0
  /** Bytes that it takes to go on. */
  #needed = 0
  /** Of a message that has come in part. */
  #parts: Buffer[] | undefined
  #partsLength = 0
  #isBinary = false
  #isOver = false

  constructor(limits: FrameLimits, user: FrameUser) {
    this.#limits = limits
    this.#user = user
  }

  /** Bytes have come. They are unmasked where they are. */
  read(chunk: Buffer): void {
    if (this.#isOver) return
    if (this.#begun === undefined) return this.#keep(chunk, this.#frames(chunk))
    this.#append(chunk)
    if (this.#begunLength < this.#needed) return
    const bytes = this.#begun.subarray(0, this.#begunLength)
    this.#begun = undefined
    this.#keep(bytes, this.#frames(bytes))
  }

  /** Reads all frames that are whole; returns where the first that is not begins. */
  #frames(bytes: Buffer): number {
    let at = 0
    while (!this.#isOver) {
      const end = this.#frame(bytes, at)
      if (end === undefined) return at
      at = end
    }
    return bytes.length
  }

  /** Reads the frame that begins at `at`; returns where it ends. Undefined: it is not whole, or wrong. */
  #frame(bytes: Buffer, at: number): number | undefined {
    const has = bytes.length - at
    if (has < 2) return this.#need(2)
    const [first, second] = [bytes[at]!, bytes[at + 1]!]
    const isFinal = (first & 0x80) !== 0
    const opcode = first & 0x0f
    const isControl = opcode >= OPCODE.close
    let length = second & 0x7f
    // No extension was agreed on that would give the reserved bits a meaning; a client masks.
    if ((first & 0x70) !== 0 || (second & 0x80) === 0 || !this.#isInPlace(opcode)) return this.#fail(FAULT.protocol)
    if (isControl && (!isFinal || length > MAX_CONTROL)) return this.#fail(FAULT.protocol)
    let header = 6
    if (length === 126) {
      header = 8
      if (has < header) return this.#need(header)
      length = bytes.readUInt16BE(at + 2)
    } else if (length === 127) {
      header = 14
      if (has < header) return this.#need(header)
      // A length past 2^53 is inexact here, and too large all the same.
      length = bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6)
    }
    if (!isControl && this.#partsLength + length > this.#limits.payload) return this.#fail(FAULT.tooLarge)
    if (has < header + length) return this.#need(header + length)
    const start = at + header
    unmask(bytes, start, length)
    const data = length === 0 ? EMPTY : bytes.subarray(start, start + length)
    if (isControl) this.#control(opcode, data)
    else this.#data(opcode, isFinal, data)
    return start + length
  }

  /** Whether a frame of `opcode` may come now. */
  #isInPlace(opcode: number): boolean {
    switch (opcode) {
      case OPCODE.continuation:
        return this.#parts !== undefined
      case OPCODE.text:
      case OPCODE.binary:
        return this.#parts === undefined
      default:
        return opcode >= OPCODE.close && opcode <= OPCODE.pong
    }
  }

  #control(opcode: number, data: Buffer): void {
    if (opcode !== OPCODE.close) return this.#user.heard({ kind: opcode === OPCODE.ping ? 'ping' : 'pong', data })
    if (data.length === 1) return void this.#fail(FAULT.protocol)
    const code = data.length === 0 ? undefined : data.readUInt16BE(0)
    if (code !== undefined && !mayBeSent(code)) return void this.#fail(FAULT.protocol)
    if (!isUtf8(data.subarray(2))) return void this.#fail(FAULT.noText)
    this.#end()
    this.#user.closing(code)
  }

  #data(opcode: number, isFinal: boolean, data: Buffer): void {
    if (opcode !== OPCODE.continuation) this.#isBinary = opcode === OPCODE.binary
    if (isFinal && this.#parts === undefined) return this.#message(data)
    this.#parts ??= []
    if (this.#parts.length >= this.#limits.fragments) return void this.#fail(FAULT.policy)
    // A copy: what it is a part of may be a thousand times as large.
    this.#parts.push(Buffer.from(data))
    this.#partsLength += data.length
    if (!isFinal) return
    const whole = Buffer.concat(this.#parts, this.#partsLength)
    this.#parts = undefined
    this.#partsLength = 0
    this.#message(whole)
  }

  #message(data: Buffer): void {
    if (!this.#isBinary && !isUtf8(data)) return void this.#fail(FAULT.noText)
    this.#user.heard({ kind: this.#isBinary ? 'binary' : 'text', data })
  }

  #need(count: number): undefined {
    this.#needed = count
    return undefined
  }

  #fail(code: number): undefined {
    this.#end()
    this.#user.failed(code)
    return undefined
  }

  #end(): void {
    this.#isOver = true
    this.#begun = undefined
    this.#parts = undefined
  }

  /** Keeps what follows `from` for when more has come: a copy, since what was read is far larger as a rule. */
  #keep(bytes: Buffer, from: number): void {
    if (this.#isOver || from === bytes.length) return
    this.#begun = Buffer.from(bytes.subarray(from))
    this.#begunLength = this.#begun.length
  }

  /** Grows by doubling, so that a frame that comes byte by byte is not copied for each; and never past what is needed for long. */
  #append(chunk: Buffer): void {
    const length = this.#begunLength + chunk.length
    if (length > this.#begun!.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#begun!.length))
      this.#begun!.copy(larger, 0, 0, this.#begunLength)
      this.#begun = larger
    }
    chunk.copy(this.#begun!, this.#begunLength)
    this.#begunLength = length
  }
}

/** RFC 6455, 5.3. The four bytes before `start` are the mask. */
function unmask(bytes: Buffer, start: number, length: number): void {
  const [a, b, c, d] = [bytes[start - 4]!, bytes[start - 3]!, bytes[start - 2]!, bytes[start - 1]!]
  const end = start + length
  let at = start
  for (; at + 4 <= end; at += 4) {
    bytes[at]! ^= a
    bytes[at + 1]! ^= b
    bytes[at + 2]! ^= c
    bytes[at + 3]! ^= d
  }
  if (at < end) bytes[at++]! ^= a
  if (at < end) bytes[at++]! ^= b
  if (at < end) bytes[at]! ^= c
}

/** RFC 6455, 7.4: of the codes below 3000, those that IANA has, and that are not for what was merely seen. */
function mayBeSent(code: number): boolean {
  if (code >= 3000) return code <= 4999
  return code >= 1000 && code <= 1014 && (code <= 1003 || code >= 1007)
}
