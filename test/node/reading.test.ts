import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { Reader, Turns } from '../../src/node/reading.ts'
import type { Frame } from '../../src/node/web-socket.ts'

/** What of a WebSocket is used for reading. */
class Line {
  isPaused = false
  pause() {
    this.isPaused = true
  }
  resume() {
    this.isPaused = false
  }
}

function connect(turns: Turns, onFrame: (text: string) => void = () => {}) {
  const line = new Line()
  const heard: string[] = []
  const reader = new Reader(line, turns, ({ data }) => {
    heard.push(String(data))
    onFrame(String(data))
  })
  return { line, heard, reader }
}

const frame = (text: string): Frame => ({ kind: 'text', data: Buffer.from(text) })
const upTo = (count: number) => Array.from({ length: count }, (_, i) => `${i + 1}`)

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn()
}

describe('[B4] connections take turns in being read', () => {
  test('what comes now and then is heard at once', async () => {
    const { line, heard, reader } = connect(new Turns())
    for (const text of upTo(5)) reader.receive(frame(text))
    expect(heard).toEqual(upTo(5))
    expect(line.isPaused).toBe(false)
  })

  test('one that sends much is heard of a share in a turn, in its order, and not read until it was heard', async () => {
    const { line, heard, reader } = connect(new Turns())
    for (const text of upTo(500)) reader.receive(frame(text))
    expect(heard.length).toBeLessThan(50)
    expect(line.isPaused).toBe(true)
    await until(() => heard.length === 500)
    expect(heard).toEqual(upTo(500))
    expect(line.isPaused).toBe(false)
    reader.receive(frame('next'))
    expect(heard.at(-1)).toBe('next')
  })

  test('large messages fill a share sooner', async () => {
    const { line, heard, reader } = connect(new Turns())
    for (let n = 0; n < 5; n++) reader.receive(frame('x'.repeat(40_000)))
    expect(heard.length).toBe(2)
    expect(line.isPaused).toBe(true)
    await until(() => heard.length === 5)
  })

  test('others are heard while one has much to say, also those that have much to say themselves', async () => {
    const turns = new Turns()
    const order: string[] = []
    // As what takes a while: a share of the turn is over after a few.
    const work = (name: string) => () => {
      order.push(name)
      const end = performance.now() + 0.3
      while (performance.now() < end);
    }
    const [loud, too, quiet] = ['loud', 'too', 'quiet'].map((name) => connect(turns, work(name)))
    for (const text of upTo(200)) loud!.reader.receive(frame(text))
    for (const text of upTo(200)) too!.reader.receive(frame(text))
    await turn()
    quiet!.reader.receive(frame('1'))
    expect(quiet!.heard).toEqual(['1'])
    await until(() => order.length === 401)
    // Neither is done long before the other.
    const last = (name: string) => order.lastIndexOf(name)
    expect(Math.abs(last('loud') - last('too'))).toBeLessThan(20)
  })

  test('many that say something large each do not hold up who says something small', async () => {
    const turns = new Turns()
    const work = () => {
      const end = performance.now() + 0.3
      while (performance.now() < end);
    }
    const many = Array.from({ length: 200 }, () => connect(turns, work))
    for (const { reader } of many) reader.receive(frame('x'.repeat(10_000)))
    const heard = () => many.filter(({ heard }) => heard.length === 1).length
    expect(heard()).toBeLessThan(20)
    const quiet = connect(turns)
    quiet.reader.receive(frame('small'))
    expect(quiet.heard).toEqual(['small'])
    await until(() => heard() === 200)
    expect(many.every(({ line }) => !line.isPaused)).toBe(true)
  })

  test('one at rest is not read, and not heard; then all of it in its order', async () => {
    const { line, heard, reader } = connect(new Turns(), (text) => {
      if (text === '3') reader.rest(50)
    })
    for (const text of upTo(10)) reader.receive(frame(text))
    expect(heard).toEqual(upTo(3))
    expect(line.isPaused).toBe(true)
    await turn()
    expect(heard).toEqual(upTo(3))
    await until(() => heard.length === 10)
    expect(heard).toEqual(upTo(10))
    expect(line.isPaused).toBe(false)
  })

  test('one whose line is full is not read, whatever else comes to an end', async () => {
    const { line, heard, reader } = connect(new Turns())
    reader.hold(true)
    expect(line.isPaused).toBe(true)
    for (const text of upTo(100)) reader.receive(frame(text))
    await until(() => heard.length === 100)
    expect(line.isPaused).toBe(true)
    reader.hold(false)
    expect(line.isPaused).toBe(false)
  })

  test('at the end all is heard that had come, also of one at rest, and nothing is left to do', async () => {
    vi.useFakeTimers()
    const { heard, reader } = connect(new Turns(), () => reader.rest(1000))
    for (const text of upTo(50)) reader.receive(frame(text))
    reader.end()
    expect(heard).toEqual(upTo(50))
    expect(vi.getTimerCount()).toBe(1)
    vi.runAllTimers()
    vi.useRealTimers()
    expect(heard).toHaveLength(50)
  })
})
