import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Deadlines } from '../../src/node/deadlines.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

function start() {
  const ran: string[] = []
  return { deadlines: new Deadlines(), ran, run: (name: string) => () => void ran.push(name) }
}

test('each runs at its time, once', () => {
  const { deadlines, ran, run } = start()
  deadlines.after(100, run('a'))
  vi.advanceTimersByTime(40)
  deadlines.after(100, run('b'))
  deadlines.after(50, run('sooner'))
  vi.advanceTimersByTime(59)
  expect(ran).toEqual(['sooner'])
  vi.advanceTimersByTime(1)
  expect(ran).toEqual(['sooner', 'a'])
  vi.advanceTimersByTime(40)
  expect(ran).toEqual(['sooner', 'a', 'b'])
  vi.advanceTimersByTime(1000)
  expect(ran).toHaveLength(3)
})

test('one that is cancelled does not run, and cancelling again does nothing', () => {
  const { deadlines, ran, run } = start()
  const cancels = ['a', 'b', 'c'].map((name) => deadlines.after(100, run(name)))
  cancels[0]!()
  cancels[2]!()
  cancels[2]!()
  vi.advanceTimersByTime(200)
  expect(ran).toEqual(['b'])
  cancels[1]!()
})

test('one that is put up while another runs waits for its own time', () => {
  const { deadlines, ran, run } = start()
  deadlines.after(100, () => {
    run('a')()
    deadlines.after(100, run('b'))
  })
  vi.advanceTimersByTime(199)
  expect(ran).toEqual(['a'])
  vi.advanceTimersByTime(1)
  expect(ran).toEqual(['a', 'b'])
})

test('[B2] ten thousand at once take one timer; when none is left, none keeps the process alive', () => {
  vi.useRealTimers()
  const { deadlines, run } = start()
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const before = timers()
  const cancels = Array.from({ length: 10_000 }, () => deadlines.after(60_000, run('never')))
  expect(timers()).toBe(before + 1)
  for (const cancel of cancels) cancel()
  expect(timers()).toBe(before)
  deadlines.after(60_000, run('never'))()
  expect(timers()).toBe(before)
})
