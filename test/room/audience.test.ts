import { describe, expect, test } from 'vitest'
import { Audience, type Listener } from '../../src/room/audience.ts'
import { Batch } from '../../src/room/batch.ts'
import type { Replay } from '../../src/room/replay.ts'
import { Replays } from '../../src/room/replays.ts'
import { Tail } from '../../src/room/tail.ts'
import { Writer } from '../../src/room/writer.ts'
import { SteppedClock } from '../support/doubles.ts'
import { Random, seedOfRun } from '../support/random.ts'

/** A listener that counts what it gets, and can be made to take nothing. */
class Counter implements Listener {
  cursor = 0
  seq = 0
  lagging = false
  place = -1
  replay: Replay | undefined
  readonly got: string[] = []
  writes = 0
  blocked: string[] | undefined
  readonly connection = {
    write: (batch: Batch) => {
      this.writes++
      ;(this.blocked ?? this.got).push(...batch.texts)
    },
    close: () => {
      this.isClosed = true
    },
    backlog: 0,
  }
  isClosed = false

  remember(): void {}

  constructor() {
    Object.defineProperty(this.connection, 'backlog', { get: () => this.blocked?.join('').length ?? 0 })
  }
}

/** One that is over after one message. */
function replayOf(text: string, cursor: number, seq: number): Replay {
  return {
    stand: -1,
    cursor,
    seq,
    isOver: false,
    next() {
      Object.assign(this, { isOver: true })
      return new Batch([text])
    },
  }
}

class Hall {
  readonly clock = new SteppedClock()
  readonly tail: Tail
  readonly audience: Audience
  seq = 0

  constructor(tailEntries = 1000) {
    this.tail = new Tail({ tailEntries, tailBytes: 1_000_000 }, 0)
    const writer = new Writer(this.clock)
    const replays = new Replays(writer, 100, (listener) => this.audience.settle(listener))
    this.audience = new Audience(this.tail, this, writer, replays, 100)
  }

  catchUp(seq: number): Replay {
    return replayOf(`missed ${seq + 1} to ${this.seq}`, this.tail.head, this.seq)
  }

  broadcast(): void {
    this.tail.push(String(++this.seq), this.seq)
    this.audience.wake()
  }

  join(): Counter {
    const counter = new Counter()
    this.audience.add(counter)
    return counter
  }

  settle(): void {
    while (this.clock.turn());
  }
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => String(from + i))

describe('the audience', () => {
  test('a listener gets all that is new in one write', () => {
    const hall = new Hall()
    const listener = hall.join()
    for (let n = 0; n < 10; n++) hall.broadcast()
    hall.settle()
    expect(listener.got).toEqual(range(1, 10))
    expect(listener.writes).toBe(1)
  })

  test('a turn of the event loop makes at most 48 writes, and all are reached in the end', () => {
    const hall = new Hall()
    const listeners = Array.from({ length: 193 }, () => hall.join())
    const written = () => listeners.reduce((sum, { writes }) => sum + writes, 0)
    hall.broadcast()
    const turns = []
    for (let before = 0; hall.clock.turn(); before = written()) turns.push(written() - before)
    expect(turns).toEqual([48, 48, 48, 48, 1])
    expect(listeners.every(({ got }) => got.length === 1)).toBe(true)
  })

  test('what is broadcast during a walk makes the later batches larger, and is in nobody twice', () => {
    const hall = new Hall()
    const listeners = Array.from({ length: 100 }, () => hall.join())
    hall.broadcast()
    hall.clock.turn()
    hall.broadcast()
    hall.settle()
    for (const { got } of listeners) expect(got).toEqual(['1', '2'])
    expect(listeners.filter(({ writes }) => writes === 1)).toHaveLength(52)
  })

  test('rooms take turns: a busy one does not keep a small one waiting', () => {
    const clock = new SteppedClock()
    const writer = new Writer(clock)
    const room = (size: number) => {
      const tail = new Tail({ tailEntries: 10, tailBytes: 1000 }, 0)
      const replays = new Replays(writer, 100, () => {})
      const source = { seq: 1, catchUp: () => replayOf('', 0, 0) }
      const audience = new Audience(tail, source, writer, replays, 100)
      const listeners = Array.from({ length: size }, () => new Counter())
      for (const listener of listeners) audience.add(listener)
      tail.push('1', 1)
      audience.wake()
      return listeners
    }
    const [, small] = [room(5000), room(10)]
    clock.turn()
    clock.turn()
    expect(small.every(({ got }) => got.length === 1)).toBe(true)
  })

  test('[R6] who is over the mark is passed over, and reached again when it has drained', () => {
    const hall = new Hall(5)
    const [slow, quick] = [hall.join(), hall.join()]
    slow.blocked = []
    for (let n = 0; n < 300; n++) {
      hall.broadcast()
      hall.settle()
    }
    expect(quick.got).toEqual(range(1, 300))
    const stuck = slow.blocked.length
    expect(slow.blocked.join('').length).toBeLessThan(110)
    slow.got.push(...slow.blocked)
    slow.blocked = undefined
    hall.audience.drained(slow)
    hall.settle()
    expect(slow.got).toEqual([...range(1, stuck), `missed ${stuck + 1} to 300`])
  })

  test('[E1] everybody is dismissed with the last word, who is stuck with that alone', () => {
    const hall = new Hall()
    const [stuck, ...others] = Array.from({ length: 600 }, () => hall.join())
    stuck!.blocked = ['x'.repeat(101)]
    hall.broadcast()
    hall.audience.dismiss({ message: new Batch(['the end']), code: 1000, reason: '' })
    hall.settle()
    expect(others.every(({ got, isClosed }) => got.length === 1 && isClosed)).toBe(true)
    expect(stuck).toMatchObject({ isClosed: true, blocked: ['x'.repeat(101), 'the end'] })
  })

  test('comings, goings and broadcasts in any order: no gap, no duplicate, nobody forgotten', () => {
    const first = seedOfRun()
    for (let seed = first; seed < first + 60; seed++) {
      const random = new Random(seed)
      const hall = new Hall()
      const here = new Map<Counter, number>()
      for (let step = 0; step < 100; step++) {
        const listeners = [...here.keys()]
        const listener = random.pick(listeners)
        const action = random.below(10)
        if (action < 3) for (let n = random.below(40); n >= 0; n--) here.set(hall.join(), hall.seq)
        else if (action < 5 && listener) {
          hall.audience.remove(listener)
          here.delete(listener)
        } else if (action < 8) hall.broadcast()
        else hall.clock.turn()
      }
      hall.settle()
      for (const [{ got }, since] of here) {
        expect(got, `seed ${seed}`).toEqual(range(since + 1, hall.seq))
      }
      expect(hall.audience.size).toBe(here.size)
    }
  })
})
