import { describe, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/room/limits.ts'
import type { Entry } from '../../src/room/ports.ts'
import { State } from '../../src/room/state.ts'
import { heldMemory } from '../support/memory.ts'

const LARGE = 60_000
const MEBIBYTE = 1024 * 1024

/** A body of its own, `size` bytes of memory: V8 keeps a repeated text as what it is repeated of until it is read through. */
function body(size: number): string {
  return Buffer.alloc(size, 'x').toString('latin1')
}

function entry(seq: number, key: string, retain: 'latest' | 'append' | 'clear', size = 10): Entry {
  return { term: 1, seq, state: { key, retain }, body: body(size), bytes: size }
}

/** What has changed for a listener that stands at `seq`; undefined: that is not known any more. */
function changedSince(state: State, seq: number): number[] | undefined {
  if (!state.knowsClearsSince(seq)) return undefined
  const range = { after: seq, upTo: Number.MAX_SAFE_INTEGER, clearsAfter: seq }
  const { texts } = state.piece(range, Number.POSITIVE_INFINITY).batch
  expect(state.count(range)).toBe(texts.length)
  return texts.map((text) => Number(/^{"seq":(\d+)/.exec(text)![1]))
}

describe('[B2] [R3] what is superseded is held no longer', () => {
  test.each([
    ['clears of one key', (state: State, seq: number) => state.apply(entry(seq, 'k', 'clear', LARGE))],
    [
      'clears, each replaced by something small',
      (state: State, seq: number) =>
        state.apply(seq % 2 ? entry(seq, 'k', 'clear', LARGE) : entry(seq, 'k', 'latest', 10)),
    ],
    [
      'large messages of one key beside many small ones',
      (state: State, seq: number) => {
        if (seq === 1) for (let n = 0; n < 1500; n++) state.apply(entry(1, `small ${n}`, 'latest'))
        state.apply(entry(seq, 'k', 'latest', LARGE))
      },
    ],
  ])('%s', (_, apply) => {
    const state = new State(DEFAULT_LIMITS)
    const before = heldMemory()
    for (let seq = 1; seq <= 1000; seq++) apply(state, seq)
    expect(heldMemory() - before).toBeLessThan(4 * MEBIBYTE)
    expect(state.weight).toBeLessThan(2 * MEBIBYTE)
  })

  test('[R6] the newest clears stay, up to as many bytes as the state may have; who needs an older one starts afresh', () => {
    const state = new State(DEFAULT_LIMITS)
    const before = heldMemory()
    for (let seq = 1; seq <= 500; seq++) state.apply(entry(seq, `k${seq}`, 'clear', LARGE))
    expect(heldMemory() - before).toBeLessThan(DEFAULT_LIMITS.stateBytes + MEBIBYTE)
    const kept = Math.floor(DEFAULT_LIMITS.stateBytes / LARGE)
    expect(changedSince(state, 500 - kept)).toEqual(Array.from({ length: kept }, (_, i) => 501 - kept + i))
    expect(changedSince(state, 499 - kept)).toBeUndefined()
  })

  test('[R6] a clear that was superseded is not missed by who stands before it', () => {
    const state = new State(DEFAULT_LIMITS)
    for (let seq = 1; seq <= 3000; seq++) state.apply(entry(seq, 'k', 'clear', LARGE))
    state.apply(entry(3001, 'k', 'append'))
    expect(changedSince(state, 1)).toEqual([3000, 3001])
    state.apply(entry(3002, 'k', 'latest'))
    expect(changedSince(state, 1)).toEqual([3002])
  })
})
