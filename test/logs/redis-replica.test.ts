import { beforeEach, describe, expect, test } from 'vitest'
import { type KeptPresence, type Reading, recordOf, textOf } from '../../src/logs/redis/records.ts'
import { Replica } from '../../src/logs/redis/replica.ts'
import { plain, Recorder } from '../contracts/room-log.ts'
import { settle } from '../support/doubles.ts'

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i)
const record = (seq: number, body = `${seq}`) => recordOf(seq, textOf(plain(body)))
const presence = (version: number, fields: Partial<KeptPresence> = {}) =>
  JSON.stringify({ kind: 'presence', version, here: true, term: version + 1, ...fields })

/** What a log with the broadcasts `first` to `last` in its tail has to say. */
function reading(last: number, first: number, fields: Partial<Reading['figures']> = {}): Reading {
  const figures = {
    epoch: 'e',
    seq: last,
    presence: { here: true, term: 1, handedAt: 0 },
    presenceVersion: 0,
    ...fields,
  }
  return { figures, tail: upTo(last, first).map((seq) => record(seq)) }
}

describe('a replica', () => {
  let replica: Replica
  let recorder: Recorder
  let renewals: unknown[]
  /** Answers the read that is under way. */
  let answer: (reading: Reading | Promise<never>) => Promise<void>
  let reads: number

  const seqs = () => recorder.entries.map(({ seq }) => seq)

  beforeEach(() => {
    renewals = []
    reads = 0
    replica = new Replica(
      {
        read: () => {
          reads++
          const { promise, resolve } = Promise.withResolvers<Reading>()
          answer = (reading) => {
            resolve(reading)
            return settle()
          }
          return promise
        },
        renew: async (...renewal) => {
          renewals.push(renewal)
        },
      },
      () => {},
    )
    recorder = replica.start({ ...reading(3, 1), state: [] }, (snapshot) => new Recorder(snapshot))
  })

  const failure = () => {
    const failure = Promise.reject(new Error('out of reach'))
    failure.catch(() => {})
    return failure
  }

  test('that was told by news, while it read, more than what it read then takes nothing for lost, and nothing twice', async () => {
    void replica.check()
    for (const seq of upTo(12, 4)) replica.receive(record(seq))
    await answer({ ...reading(10, 8), state: [] })
    for (const seq of upTo(14, 13)) replica.receive(record(seq))
    expect(seqs()).toEqual(upTo(14, 4))
    expect([renewals, recorder.restarts, reads]).toEqual([[], [], 1])
  })

  test('passes over what is no news, whenever that comes, and goes on', async () => {
    replica.receive(record(6))
    for (const junk of ['', '4\nnot json\nx', '{"kind":"presence"}', '{"kind":"ended","reason":"x"}', record(7)])
      replica.receive(junk)
    await answer(reading(4, 3))
    await answer(reading(7, 4))
    expect(seqs()).toEqual([4, 5, 6, 7])
    expect([recorder.presences, recorder.endedBy]).toEqual([[], undefined])
  })

  test('that could not read tells nothing until it has', async () => {
    void replica.check()
    await answer(failure())
    expect(recorder.stales).toEqual([true])
    replica.receive(record(4))
    replica.receive(presence(1))
    expect([seqs(), recorder.presences]).toEqual([[], []])
    await answer(failure())
    expect([seqs(), recorder.stales]).toEqual([[], [true]])
    replica.receive(record(5))
    await answer(reading(5, 3))
    expect([seqs(), recorder.stales]).toEqual([
      [4, 5],
      [true, false],
    ])
  })

  test('that could not read believes that the room has ended, and why', async () => {
    void replica.check()
    await answer(failure())
    replica.receive('{"kind":"ended","reason":"room_closed"}')
    await answer(failure())
    expect(recorder.endedBy).toBe('room_closed')
  })

  test('sees by another broadcast at its own place that the log has lost some', async () => {
    replica.receive(record(3, 'another'))
    replica.receive(record(4))
    await answer({ ...reading(4, 3), tail: [record(3, 'another'), record(4)] })
    expect(renewals).toMatchObject([['e', { term: 1 }, 0]])
    await answer({ ...reading(4, 1, { epoch: 'f' }), state: [] })
    expect(recorder.restarts).toMatchObject([{ epoch: 'f', seq: 4 }])
  })

  test('sees by an older presence that the log has lost one, and gives it back', async () => {
    replica.receive(presence(1, { node: 'n' }))
    void replica.check()
    await answer(reading(3, 3))
    expect(renewals).toMatchObject([['e', { term: 2, node: 'n' }, 1]])
  })
})
