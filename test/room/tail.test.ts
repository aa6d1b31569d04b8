import { describe, expect, test } from 'vitest'
import { Tail } from '../../src/room/tail.ts'

const limits = { tailEntries: 4, tailBytes: 1000 }

function filled(count: number, tail = new Tail(limits, 0)): Tail {
  for (let seq = 1; seq <= count; seq++) tail.push(`m${seq}`, seq)
  return tail
}

describe('the tail', () => {
  test('hands out one batch to all who stand at the same cursor', () => {
    const tail = filled(3)
    expect(tail.from(1).texts).toEqual(['m2', 'm3'])
    expect(tail.from(1)).toBe(tail.from(1))
    tail.push('m4', 4)
    expect(tail.from(1).texts).toEqual(['m2', 'm3', 'm4'])
  })

  test('keeps what is over the limits until it is trimmed, and no more than four times them', () => {
    const tail = filled(10)
    expect(tail.covers(0)).toBe(true)
    tail.trim()
    expect([tail.covers(5), tail.covers(6)]).toEqual([false, true])
    filled(100, tail)
    expect(tail.covers(tail.head - 16)).toBe(true)
    expect(tail.covers(tail.head - 17)).toBe(false)
  })

  test('is bounded by size too, and never drops what was pushed last before it was written', () => {
    const tail = new Tail({ tailEntries: 100, tailBytes: 10 }, 0)
    tail.push('x'.repeat(5), 1)
    tail.push('y'.repeat(500), 2)
    expect(tail.from(tail.head - 1).texts).toEqual(['y'.repeat(500)])
    tail.trim()
    expect(tail.covers(tail.head - 1)).toBe(false)
    expect(tail.sizeFrom(tail.head)).toBe(0)
  })

  test.each([1, 3, 7, 40])('knows the size of what is left after trimming %i times over', (rounds) => {
    const tail = new Tail(limits, 0)
    for (let n = 0; n < rounds * 5; n++) {
      tail.push('x'.repeat(n % 9), n + 1)
      tail.trim()
      for (let cursor = tail.head; tail.covers(cursor) && cursor >= 0; cursor--) {
        expect(tail.sizeFrom(cursor)).toBe(tail.from(cursor).texts.join('').length)
      }
    }
  })

  test('[R5] gives exactly the broadcasts after a seq, without the events between, or nothing at all', () => {
    const tail = new Tail(limits, 10)
    tail.push('m11', 11)
    tail.push('event')
    tail.push('m12', 12)
    const since = (seq: number) => tail.broadcasts(tail.after(seq), tail.head, 1000).batch.texts
    expect(since(10)).toEqual(['m11', 'm12'])
    expect(since(11)).toEqual(['m12'])
    expect(since(12)).toEqual([])
    expect([tail.knows(10), tail.knows(9)]).toEqual([true, false])
    for (const seq of [13, 14, 15]) tail.push(`m${seq}`, seq)
    tail.trim()
    expect(since(11)).toEqual(['m12', 'm13', 'm14', 'm15'])
    expect([tail.knows(11), tail.knows(10)]).toEqual([true, false])
  })

  test('[R5] gives them in pieces, which lead to each other', () => {
    const tail = new Tail({ tailEntries: 100, tailBytes: 1000 }, 0)
    for (let seq = 1; seq <= 9; seq++) {
      tail.push(`m${seq}`, seq)
      tail.push('event')
    }
    const got: string[] = []
    for (let cursor = tail.after(2); cursor < tail.after(9); ) {
      const piece = tail.broadcasts(cursor, tail.head, 5)
      expect(piece.batch.texts.length).toBeLessThanOrEqual(3)
      expect(piece.batch.texts.at(-1)).toBe(`m${piece.seq}`)
      got.push(...piece.batch.texts)
      cursor = piece.cursor
    }
    expect(got).toEqual(['m3', 'm4', 'm5', 'm6', 'm7', 'm8', 'm9'])
  })
})
