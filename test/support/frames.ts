/** RFC 6455, 5.2: what a client may send of a message's kind. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/**
 * A client's frame in bytes, for what a WebSocket library would not send, or not so fast. Its mask is of zeros, which
 * leaves the payload as it is.
 */
export function clientFrame(opcode: number, payload: string): Buffer {
  const body = Buffer.from(payload)
  if (body.length >= 65_536) throw new Error('longer frames are not made here')
  const length = body.length < 126 ? [0x80 | body.length] : [0x80 | 126, body.length >> 8, body.length & 0xff]
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length, 0, 0, 0, 0]), body])
}

/** The same frame so many times that it comes to at least `bytes`. */
export function repeated(frame: Buffer, bytes: number): Buffer {
  return Buffer.concat(Array(Math.ceil(bytes / frame.length)).fill(frame))
}
