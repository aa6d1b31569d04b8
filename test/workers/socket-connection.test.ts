import { describe, expect, test } from 'vitest'
import { Batch } from '../../src/room/batch.ts'
import { type Attachment, SocketConnection } from '../../src/workers/socket-connection.ts'

/** What the platform allows an attachment (facts of workerd): bytes. */
const ATTACHMENT_BYTES = 16_384

const KEPT: Attachment = { uuid: '00000000-0000-4000-8000-000000000001', isAddressed: true, since: 1_800_000_000_000 }

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
  const onFull = () => void calls.push('full')
  const onDrain = () => void calls.push('drained')
  return { ws, calls, connection: new SocketConnection(ws, kept, () => 5, onFull, onDrain) }
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

describe('[R6] what was sent and not taken', () => {
  test('counts for who says what it takes, and for nobody else', () => {
    const silent = line()
    silent.connection.write(new Batch(['x'.repeat(1000)]))
    expect(silent.connection.backlog).toBe(0)
    expect(silent.connection.takenEvery).toBeUndefined()
    const { connection, calls } = line()
    connection.agree(['taken'])
    expect(connection.takenEvery).toBe(65_536)
    connection.write(new Batch(['x'.repeat(200_000)]))
    connection.taken(100_000)
    expect([connection.backlog, calls]).toEqual([100_000, []])
    connection.taken(70_000)
    expect([connection.backlog, calls]).toEqual([30_000, ['drained']])
    connection.taken(70_000)
    expect(connection.backlog).toBe(0)
  })

  test('is kept over a sleep, for who was left to drain', () => {
    const { ws, connection, calls } = line()
    connection.agree(['taken'])
    connection.write(new Batch(['x'.repeat(300_000)]))
    connection.remember({ id: 'c', role: 'listener', term: 0, behind: 7 })
    expect(ws.kept).toMatchObject({
      reports: true,
      member: { behind: 7 },
      full: { backlog: 300_000, from: 5, since: 5 },
    })
    const woken = line(ws.kept)
    expect(woken.connection.backlog).toBe(300_000)
    woken.connection.taken(100_000)
    expect(woken.ws.kept).toMatchObject({ full: { backlog: 200_000 } })
    expect([calls, woken.calls]).toEqual([['full'], ['full']])
    woken.connection.remember({ id: 'c', role: 'listener', term: 0 })
    expect(woken.ws.kept).not.toHaveProperty('full')
  })
})

test('all that is kept with a socket is far less than the platform allows', () => {
  const { ws, connection } = line()
  connection.agree(['lines', 'taken'])
  const { MAX_SAFE_INTEGER: most } = Number
  connection.remember({ id: 'x'.repeat(21), role: 'listener', term: most, behind: most })
  expect(JSON.stringify(ws.kept).length).toBeLessThan(ATTACHMENT_BYTES / 16)
})
