import { beforeEach, describe, expect, test } from 'vitest'
import { Batch } from '../../src/room/batch.ts'
import { type Attachment, SocketConnection } from '../../src/workers/socket-connection.ts'
import {
  GUESS,
  Guess,
  guessedRate,
  type KeptGuess,
  type KeptProofs,
  type KeptUntaken,
  Proofs,
} from '../../src/workers/untaken.ts'

/** What the platform allows an attachment (facts of workerd): bytes. */
const ATTACHMENT_BYTES = 16_384

const KEPT: Attachment = { uuid: '00000000-0000-4000-8000-000000000001', isAddressed: true, since: 1_800_000_000_000 }

const clock = { now: 5 }

beforeEach(() => {
  clock.now = 5
})

/** A socket that writes down what it is asked for, and can be told to throw. */
function line(kept: Attachment = KEPT) {
  const ws = {
    readyState: 1,
    throws: false,
    sent: [] as string[],
    closes: [] as [number, string][],
    kept: undefined as Attachment | undefined,
    send(text: string) {
      if (ws.throws) throw new TypeError('the socket is closed')
      ws.sent.push(text)
    },
    close(code: number, reason: string) {
      if (ws.throws) throw new TypeError('the socket is closed')
      ws.closes.push([code, reason])
    },
    serializeAttachment(kept: Attachment) {
      ws.kept = structuredClone(kept)
    },
  }
  const calls: string[] = []
  const watch = {
    full: (full: unknown) => void calls.push(full === undefined ? 'level' : 'full'),
    drained: () => void calls.push('drained'),
    exhausted: () => void calls.push('exhausted'),
    closed: () => void calls.push('closed'),
  }
  let nonces = 0
  const untakenOf = (reports: boolean, kept: KeptUntaken | undefined) =>
    reports
      ? new Proofs(() => `n${++nonces}`, kept as KeptProofs | undefined)
      : new Guess(
          () => clock.now,
          () => guessedRate(1),
          kept as KeptGuess | undefined,
        )
  return { ws, calls, connection: new SocketConnection(ws, kept, () => clock.now, untakenOf, watch) }
}

describe('sending', () => {
  test('a message to a frame, unless the client takes more', () => {
    const one = line()
    one.connection.write(new Batch(['a', 'b']))
    expect(one.ws.sent).toEqual(['a', 'b'])
    const many = line()
    many.connection.agree(['lines', 'something new'])
    many.connection.write(new Batch(['a', 'b']))
    expect(many.ws.sent).toEqual(['a\nb'])
  })

  test('frames of several messages are bounded, and nothing is lost between them', () => {
    const { ws, connection } = line()
    connection.agree(['lines'])
    const texts = Array.from({ length: 300 }, (_, i) => `${i}`.padEnd(i % 7 === 0 ? 30_000 : 900, 'x'))
    texts.push('y'.repeat(200_000), 'z')
    connection.write(new Batch(texts))
    expect(ws.sent.flatMap((frame) => frame.split('\n'))).toEqual(texts)
    expect(ws.sent.filter((frame) => frame.includes('\n')).every(({ length }) => length <= 64 * 1024 + 300)).toBe(true)
    expect(ws.sent.length).toBeLessThan(40)
  })

  test.each([0, 2, 3])('[B2] a socket that is not open (%i) is passed over', (readyState) => {
    const { ws, connection } = line()
    ws.readyState = readyState
    connection.write(new Batch(['a']))
    connection.close(1000, '')
    expect([ws.sent, ws.closes]).toEqual([[], []])
  })

  test('[B2] one that throws troubles nobody', () => {
    const { ws, connection } = line()
    ws.throws = true
    connection.write(new Batch(['a']))
    connection.close(1000, '')
  })
})

/** The nonces that were sent on the line. */
function asked(sent: readonly string[]): string[] {
  return sent.flatMap((text) => /"nonce":"([^"]+)"/.exec(text)?.[1] ?? [])
}

const MEMBER = { id: 'c', role: 'listener', term: 0 } as const

describe('[R7] what was sent to a client that says what has come', () => {
  function reporting() {
    const made = line()
    made.connection.agree(['taken'])
    return made
  }

  test('it is asked after each 64 Ki characters, and only what it was asked counts', () => {
    const { ws, connection, calls } = reporting()
    for (let n = 0; n < 7; n++) connection.write(new Batch(['x'.repeat(30_000)]))
    expect(asked(ws.sent)).toEqual(['n1', 'n2'])
    for (const lie of ['n3', 'n', '', 'n1 ']) expect(connection.taken(lie)).toBe(false)
    expect([connection.backlog, calls]).toEqual([210_000, []])
    expect(connection.taken('n2')).toBe(true)
    expect([connection.backlog, calls]).toEqual([30_000, ['drained']])
    expect(connection.taken('n1')).toBe(false)
    expect(connection.backlog).toBe(30_000)
  })

  test('a broadcast costs no more frames by it', () => {
    const { ws, connection } = reporting()
    for (let n = 0; n < 1000; n++) connection.write(new Batch(['x'.repeat(200)]))
    expect(ws.sent.length).toBeLessThanOrEqual(1003)
  })

  test('is kept over a sleep, whatever it was, and not less than it was', () => {
    let { ws, connection } = reporting()
    connection.remember(MEMBER)
    let sent = 0
    for (let n = 0; n < 40; n++) {
      connection.write(new Batch(['x'.repeat(5000)]))
      sent += 5000
      ;({ ws, connection } = line({ ...structuredClone(ws.kept!) }))
      expect(connection.backlog).toBeGreaterThanOrEqual(sent)
    }
    expect(connection.backlog).toBeLessThan(2 * sent)
  })

  test('of one that was left to drain: when it last took something is kept, too', () => {
    const { ws, connection, calls } = reporting()
    connection.write(new Batch(['x'.repeat(300_000)]))
    connection.remember({ ...MEMBER, behind: 7 })
    expect(ws.kept).toMatchObject({ reports: true, member: { behind: 7 }, full: { from: 5, since: 5 } })
    clock.now = 8
    const woken = line(ws.kept)
    expect(woken.connection.backlog).toBeGreaterThanOrEqual(300_000)
    expect(woken.connection.taken('n1')).toBe(true)
    expect([calls, woken.calls]).toEqual([['full'], ['full', 'drained']])
    // Of what it takes, when it began to be behind does not change.
    woken.connection.remember({ ...MEMBER, behind: 8 })
    expect(woken.ws.kept).toMatchObject({ full: { from: 5, since: 8 } })
    woken.connection.remember(MEMBER)
    expect(woken.ws.kept).not.toHaveProperty('full')
    expect(woken.calls.at(-1)).toBe('level')
  })
})

describe('[R7] what was sent to a client that says nothing', () => {
  test('is taken to be taken as time passes', () => {
    const { connection, calls } = line()
    connection.agree([])
    connection.write(new Batch(['x'.repeat(300_000)]))
    expect(connection.backlog).toBe(300_000)
    connection.remember({ ...MEMBER, behind: 7 })
    clock.now += 1000
    connection.relieved()
    expect([connection.backlog, calls]).toEqual([300_000 - GUESS.rate, ['full', 'full']])
    clock.now += 1000
    connection.relieved()
    expect(calls.at(-1)).toBe('drained')
    expect(connection.taken('n1')).toBe(false)
  })

  test('is bounded in an hour: beyond that the line ends', () => {
    const { connection, calls } = line()
    connection.agree([])
    for (let sent = 0; sent < GUESS.hour; sent += 1_000_000) connection.write(new Batch(['x'.repeat(1_000_000)]))
    expect(calls).toContain('exhausted')
    const patient = line()
    for (let hour = 0; hour < 10; hour++) {
      for (let n = 0; n < 50; n++) patient.connection.write(new Batch(['x'.repeat(1_000_000)]))
      clock.now += 3_600_000
    }
    expect(patient.calls).toEqual([])
  })

  test('all of them together are taken to take so much, and each something', () => {
    expect(guessedRate(1)).toBe(GUESS.rate)
    expect(guessedRate(1000) * 1000).toBe(GUESS.rateOfAll)
    expect(guessedRate(30_000)).toBe(GUESS.least)
  })
})

test('[O3] a line that was closed is nobody’s any more, whatever still comes from it after a sleep', () => {
  const { ws, connection } = line()
  connection.remember(MEMBER)
  connection.close(4502, 'displaced')
  expect(ws.kept).toEqual({ ...KEPT, isOver: true })
  connection.write(new Batch(['x'.repeat(100_000)]))
  expect(ws.kept).toEqual({ ...KEPT, isOver: true })
})

test('all that is kept with a socket is far less than the platform allows', () => {
  const { ws, connection } = line()
  connection.agree(['lines', 'taken'])
  const { MAX_SAFE_INTEGER: most } = Number
  for (let n = 0; n < 1000; n++) connection.write(new Batch(['x'.repeat(100_000)]))
  connection.remember({ id: 'x'.repeat(21), role: 'listener', term: most, behind: most })
  expect(asked(ws.sent)).toHaveLength(16)
  expect(JSON.stringify(ws.kept).length).toBeLessThan(ATTACHMENT_BYTES / 8)
})
