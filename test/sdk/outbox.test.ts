import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { RoomcastError } from '../../src/sdk/errors.ts'
import { Outbox } from '../../src/sdk/outbox.ts'
import { Watch } from '../../src/sdk/watch.ts'

const unavailable = new RoomcastError({ code: 'log_unavailable', message: 'not now' })
const full = new RoomcastError({ code: 'state_full', message: 'no' })

interface Sent {
  readonly n: number
  readonly id: string
}

let sent: Sent[]
let outbox: Outbox

beforeEach(() => {
  vi.useFakeTimers()
  sent = []
  const say = (text: string) => {
    sent.push(JSON.parse(text))
    return true
  }
  outbox = new Outbox(say, new Watch(vi.fn(), vi.fn()))
})
afterEach(() => {
  vi.useRealTimers()
})

/** What became of each message that was put. */
function put(...ns: number[]): Record<number, string> {
  const outcomes: Record<number, string> = {}
  for (const n of ns) {
    outbox.put({ n }, false).then(
      () => (outcomes[n] = 'stored'),
      (error) => (outcomes[n] = error.code),
    )
  }
  return outcomes
}

const idOf = (n: number) => sent.find((message) => message.n === n)!.id
const numbers = () => sent.map(({ n }) => n)

describe('[C3] what the server cannot store for now', () => {
  test('is said again in its order and under its id, and what is said meanwhile comes after', async () => {
    const outcomes = put(1, 2)
    expect(outbox.fail(idOf(1), unavailable)).toBe(true)
    expect(outbox.fail(idOf(2), unavailable)).toBe(false)
    Object.assign(outcomes, put(3))
    expect(numbers()).toEqual([1, 2])
    await vi.advanceTimersByTimeAsync(1000)
    expect(numbers()).toEqual([1, 2, 1, 2, 3])
    expect(sent.slice(2, 4).map(({ id }) => id)).toEqual(sent.slice(0, 2).map(({ id }) => id))
    for (const n of [1, 2]) outbox.acknowledge(idOf(n))
    await vi.advanceTimersByTimeAsync(0)
    expect(outcomes).toEqual({ 1: 'stored', 2: 'stored' })
  })

  test('is said again at once when the server says that it can', () => {
    put(1)
    outbox.fail(idOf(1), unavailable)
    outbox.release()
    expect(numbers()).toEqual([1, 1])
    vi.advanceTimersByTime(5000)
    expect(numbers()).toEqual([1, 1])
  })

  test('is said again on a new line, in its order', () => {
    put(1, 2, 3)
    outbox.fail(idOf(2), unavailable)
    outbox.resend(1000)
    expect(numbers()).toEqual([1, 2, 3, 1, 2, 3])
  })

  test('is refused where a later one has been stored: it would come after that', async () => {
    const outcomes = put(1, 2, 3)
    outbox.fail(idOf(1), unavailable)
    outbox.acknowledge(idOf(2))
    outbox.fail(idOf(3), unavailable)
    await vi.advanceTimersByTimeAsync(1000)
    expect(outcomes).toEqual({ 1: 'log_unavailable', 2: 'stored' })
    expect(numbers()).toEqual([1, 2, 3, 3])
  })

  test('is refused at once where it is for single clients', async () => {
    const answer = outbox.put({ n: 1 }, true)
    expect(outbox.fail(idOf(1), unavailable)).toBe(false)
    await expect(answer).rejects.toBe(unavailable)
  })

  test('waits no longer than the room lasts', async () => {
    const outcomes = put(1)
    outbox.fail(idOf(1), unavailable)
    outbox.failAll(full)
    await vi.advanceTimersByTimeAsync(5000)
    expect(outcomes).toEqual({ 1: 'state_full' })
    expect(numbers()).toEqual([1])
    expect(vi.getTimerCount()).toBe(0)
  })
})

test('[C5] what is refused for another reason is not said again', async () => {
  const outcomes = put(1)
  expect(outbox.fail(idOf(1), full)).toBe(false)
  expect(outbox.fail('another', full)).toBe(true)
  await vi.advanceTimersByTimeAsync(5000)
  expect(outcomes).toEqual({ 1: 'state_full' })
  expect(numbers()).toEqual([1])
})

describe('[C6] what the room takes no more of for now', () => {
  const tooMuch = new RoomcastError({ code: 'rate_limited', message: 'wait', retryAfter: 130 })

  test('is said again in its order when the server says, targeted messages too, and nothing before it', async () => {
    const outcomes = put(1, 2, 3)
    outbox.put({ n: 4 }, true).then(() => (outcomes[4] = 'delivered'))
    expect([2, 3, 4].map((n) => outbox.postpone(idOf(n), tooMuch))).toEqual([true, false, false])
    outbox.acknowledge(idOf(1))
    Object.assign(outcomes, put(5))
    await vi.advanceTimersByTimeAsync(129)
    expect(numbers()).toEqual([1, 2, 3, 4])
    await vi.advanceTimersByTimeAsync(1)
    expect(numbers()).toEqual([1, 2, 3, 4, 2, 3, 4, 5])
    for (const n of [2, 3, 4]) outbox.acknowledge(idOf(n))
    await vi.advanceTimersByTimeAsync(0)
    expect(outcomes).toEqual({ 1: 'stored', 2: 'stored', 3: 'stored', 4: 'delivered' })
  })

  test('is said with less under way, and with more again as it is taken', async () => {
    put(...Array.from({ length: 1000 }, (_, i) => i + 1))
    expect(sent).toHaveLength(256)
    for (let round = 0; round < 10; round++) {
      for (const { id } of sent.splice(0)) outbox.postpone(id, tooMuch)
      await vi.advanceTimersByTimeAsync(130)
    }
    expect(sent).toHaveLength(8)
    for (let taken = 0; taken < 400; taken++) outbox.acknowledge(sent[taken]!.id)
    expect(sent.length - 400).toBe(108)
    expect(new Set(numbers()).size).toBe(sent.length)
  })

  test('is not said again before what came after it has its answer, which would be overtaken', async () => {
    put(1, 2, 3)
    outbox.postpone(idOf(1), tooMuch)
    await vi.advanceTimersByTimeAsync(1000)
    put(4)
    outbox.postpone(idOf(2), tooMuch)
    await vi.advanceTimersByTimeAsync(1000)
    expect(numbers()).toEqual([1, 2, 3])
    outbox.postpone(idOf(3), tooMuch)
    await vi.advanceTimersByTimeAsync(1000)
    expect(numbers()).toEqual([1, 2, 3, 1, 2, 3, 4])
  })

  test('does not outlive the line: all is said again on a new one', async () => {
    put(1, 2)
    outbox.postpone(idOf(1), tooMuch)
    outbox.postpone(idOf(2), tooMuch)
    outbox.resend(10_000)
    expect(numbers()).toEqual([1, 2, 1, 2])
    await vi.advanceTimersByTimeAsync(1000)
    expect(numbers()).toEqual([1, 2, 1, 2])
  })
})
