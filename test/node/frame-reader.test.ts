import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import * as ws from 'ws'
import { FrameReader } from '../../src/node/frame-reader.ts'
import { Random, seedOfRun } from '../support/random.ts'

const LIMITS = { payload: 1000, fragments: 4 }

/** What came of some bytes, in order. */
type Outcome = [what: string, value: string | number | undefined]

function read(chunks: readonly Buffer[]): Outcome[] {
  const outcomes: Outcome[] = []
  const reader = new FrameReader(LIMITS, {
    heard: ({ kind, data }) => outcomes.push([kind, data.toString('latin1')]),
    closing: (code) => outcomes.push(['close', code]),
    failed: (code) => outcomes.push(['fault', code]),
  })
  // Unmasked where they are, and not to be seen by who reads them next.
  for (const chunk of chunks) reader.read(Buffer.from(chunk))
  return outcomes
}

/** The same of the reader of `ws`, which is well tried. */
async function readByWs(chunks: readonly Buffer[]): Promise<Outcome[]> {
  const { Receiver } = ws as unknown as {
    Receiver: new (options: object) => NodeJS.EventEmitter & { write(chunk: Buffer): void }
  }
  const { payload: maxPayload, fragments: maxFragments } = LIMITS
  const receiver = new Receiver({ isServer: true, maxPayload, maxFragments })
  const outcomes: Outcome[] = []
  const text = (data: Buffer) => data.toString('latin1')
  receiver.on('message', (data: Buffer, isBinary: boolean) => outcomes.push([isBinary ? 'binary' : 'text', text(data)]))
  for (const kind of ['ping', 'pong']) receiver.on(kind, (data: Buffer) => outcomes.push([kind, text(data)]))
  receiver.on('conclude', (code: number) => outcomes.push(['close', code === 1005 ? undefined : code]))
  receiver.on('error', (error: Record<symbol, number>) => {
    const code = error[Object.getOwnPropertySymbols(error)[0]!]
    // Without one it is a write after the close.
    if (code !== undefined) outcomes.push(['fault', code])
  })
  for (const chunk of chunks) receiver.write(Buffer.from(chunk))
  // A fault is told in the next turn.
  await turn()
  return outcomes
}

interface FrameParts {
  readonly first: number
  readonly data: Buffer
  readonly mask?: Buffer
  /** How the length is written, whatever it is. */
  readonly width?: 0 | 2 | 8
}

function frame({ first, data, mask = Buffer.from([1, 2, 3, 4]), width }: FrameParts): Buffer {
  const size = width ?? (data.length < 126 ? 0 : data.length < 65_536 ? 2 : 8)
  const header = Buffer.alloc(2 + size)
  header[0] = first
  header[1] = 0x80 | (size === 0 ? data.length : size === 2 ? 126 : 127)
  if (size === 2) header.writeUInt16BE(data.length, 2)
  if (size === 8) header.writeBigUInt64BE(BigInt(data.length), 2)
  return Buffer.concat([header, mask, data.map((byte, i) => byte ^ mask[i % 4]!)])
}

const [TEXT, BINARY, CLOSE, PING, PONG] = [0x81, 0x82, 0x88, 0x89, 0x8a]
const [TEXT_BEGIN, CONTINUE, CONTINUE_END] = [0x01, 0x00, 0x80]

describe('the frames of a client', () => {
  const text = (words: string, first = TEXT) => frame({ first, data: Buffer.from(words) })

  test.each([
    ['one', [text('hello')], [['text', 'hello']]],
    ['none that holds anything', [text('')], [['text', '']]],
    [
      'several in one piece',
      [Buffer.concat([text('a'), text('b')])],
      [
        ['text', 'a'],
        ['text', 'b'],
      ],
    ],
    ['one byte by byte', [...text('hello')].map((byte) => Buffer.from([byte])), [['text', 'hello']]],
    [
      'of 125, 126 and 1000 bytes',
      [125, 126, 1000].map((n) => text('x'.repeat(n))),
      [125, 126, 1000].map((n) => ['text', 'x'.repeat(n)]),
    ],
    [
      'a length that is written longer than it need be',
      [frame({ first: TEXT, data: Buffer.from('a'), width: 8 })],
      [['text', 'a']],
    ],
    ['binary', [frame({ first: BINARY, data: Buffer.from([0xff]) })], [['binary', '\xff']]],
    [
      'in parts, and a ping between',
      [
        text('a', TEXT_BEGIN),
        frame({ first: PING, data: Buffer.from('p') }),
        text('b', CONTINUE),
        text('c', CONTINUE_END),
      ],
      [
        ['ping', 'p'],
        ['text', 'abc'],
      ],
    ],
    [
      'a letter cut in two',
      [
        frame({ first: TEXT_BEGIN, data: Buffer.from([0xc3]) }),
        frame({ first: CONTINUE_END, data: Buffer.from([0xa9]) }),
      ],
      [['text', '\xc3\xa9']],
    ],
    [
      'as many parts as may be',
      [text('a', TEXT_BEGIN), text('b', CONTINUE), text('c', CONTINUE), text('d', CONTINUE_END)],
      [['text', 'abcd']],
    ],
    [
      'one part more',
      [text('a', TEXT_BEGIN), ...Array.from({ length: 4 }, () => text('b', CONTINUE)), text('x')],
      [['fault', 1008]],
    ],
    ['too long a message', [text('x'.repeat(1001))], [['fault', 1009]]],
    ['too long in parts', [text('x'.repeat(600), TEXT_BEGIN), text('x'.repeat(401), CONTINUE_END)], [['fault', 1009]]],
    [
      'a close, and what follows it',
      [frame({ first: CLOSE, data: Buffer.from([0x03, 0xe8]) }), text('late')],
      [['close', 1000]],
    ],
    ['a close without a code', [frame({ first: CLOSE, data: Buffer.alloc(0) })], [['close', undefined]]],
    ['what follows a fault', [frame({ first: 0xf1, data: Buffer.alloc(0) }), text('late')], [['fault', 1002]]],
    ['a pong', [frame({ first: PONG, data: Buffer.from('p') })], [['pong', 'p']]],
  ] as [string, Buffer[], Outcome[]][])('%s', (_, chunks, outcomes) => {
    expect(read(chunks)).toEqual(outcomes)
  })

  test('[B2] a length that is claimed takes no memory before the bytes have come', () => {
    const limits = { payload: 2 ** 30, fragments: 4 }
    const begun = Buffer.alloc(1000)
    begun.set([TEXT, 0xff, 0, 0, 0, 0, 0x3f])
    const before = process.memoryUsage().arrayBuffers
    const readers = Array.from({ length: 100 }, () => {
      const reader = new FrameReader(limits, { heard: () => {}, closing: () => {}, failed: () => expect.unreachable() })
      reader.read(Buffer.from(begun))
      reader.read(Buffer.from('x'))
      return reader
    })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * 64 * 1024)
    expect(readers).toHaveLength(100)
  })

  test('[B2] a long message that comes in tiny pieces costs no more than in large ones, by the order', () => {
    const limits = { payload: 2 ** 24, fragments: 4 }
    let heard = 0
    const reader = new FrameReader(limits, {
      heard: ({ data }) => (heard += data.length),
      closing: () => {},
      failed: () => {},
    })
    const bytes = frame({ first: TEXT, data: Buffer.alloc(2 ** 22, 'x') })
    const from = performance.now()
    for (let at = 0; at < bytes.length; at += 16) reader.read(bytes.subarray(at, at + 16))
    expect(heard).toBe(2 ** 22)
    expect(performance.now() - from).toBeLessThan(5000)
  })

  test('are read as `ws` reads them, whatever comes, however it is cut', async () => {
    const seed = seedOfRun()
    const random = new Random(seed)
    const pick = <T>(items: readonly T[]) => random.pick(items)
    const firsts = [
      TEXT,
      TEXT,
      TEXT,
      BINARY,
      PING,
      PONG,
      TEXT_BEGIN,
      0x02,
      CONTINUE,
      CONTINUE,
      CONTINUE_END,
      CONTINUE_END,
    ]
    const odd = [CLOSE, 0x83, 0x8b, 0x09, 0xc1, 0xa1]
    const parts = [CONTINUE, CONTINUE, CONTINUE, CONTINUE, CONTINUE_END, PING, TEXT]
    const kinds = new Set<string>()
    for (let run = 0; run < 3000; run++) {
      let isBegun = false
      const frames = Array.from({ length: 1 + random.below(12) }, () => {
        const first = random.below(10) === 0 ? pick(odd) : pick(isBegun ? parts : firsts)
        if (first === TEXT_BEGIN || first === 0x02) isBegun = true
        if (first === CONTINUE_END) isBegun = false
        const length = pick([0, 0, 1, 2, 3, 4, 5, 20, 125, 126, 300, 999, 1001])
        const data = Buffer.from(Array.from({ length }, () => random.below(random.below(20) === 0 ? 256 : 128)))
        if (first === CLOSE && length >= 2)
          data.writeUInt16BE(pick([1000, 1001, 1005, 1006, 1015, 2999, 3000, 4999, 5000]))
        return frame({ first, data, mask: Buffer.from(Array.from({ length: 4 }, () => random.below(256))) })
      })
      const bytes = Buffer.concat(frames)
      if (random.below(10) === 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8)
      const chunks: Buffer[] = []
      for (let at = 0; at < bytes.length; ) {
        const size = pick([1, 2, 3, 7, 100, 5000])
        chunks.push(bytes.subarray(at, at + size))
        at += size
      }
      const outcomes = read(chunks)
      expect(outcomes, `SEED=${seed} run ${run}`).toEqual(await readByWs(chunks))
      for (const [what, value] of outcomes) kinds.add(what === 'fault' ? `${what} ${value}` : what)
    }
    // It has seen all that there is.
    const all = ['text', 'binary', 'ping', 'pong', 'close', 'fault 1002', 'fault 1007', 'fault 1008', 'fault 1009']
    expect([...kinds].sort()).toEqual(all.sort())
  })
})
