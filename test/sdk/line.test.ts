import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { PING } from '../../src/protocol/routes.ts'
import { Line, type LineUser } from '../../src/sdk/line.ts'
import { PuppetSocket } from '../support/puppet-socket.ts'

const page = new EventTarget()
const document = Object.assign(new EventTarget(), { visibilityState: 'visible' })

let user: LineUser
let line: Line

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(1)
  // What a browser has, and Node has not.
  document.visibilityState = 'visible'
  vi.stubGlobal('document', document)
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page))
  PuppetSocket.all = []
  user = { hello: () => 'hello', message: vi.fn(), lost: vi.fn(), ended: vi.fn() }
  line = new Line('ws://x', user, PuppetSocket as unknown as typeof WebSocket)
  line.connect()
})
afterEach(() => {
  line.hangUp()
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const newest = () => PuppetSocket.newest
const count = () => PuppetSocket.all.length

describe('a line that is quiet', () => {
  test('is asked whether it holds, and given up when no answer comes', () => {
    newest().open()
    expect(newest().sent).toEqual(['hello'])
    vi.advanceTimersByTime(16_000)
    expect(user.lost).toHaveBeenCalledOnce()
    vi.advanceTimersByTime(500)
    newest().open()
    newest().hear({ event: { type: 'pong' } })
    vi.advanceTimersByTime(14_999)
    expect(newest().sent).toEqual(['hello'])
    vi.advanceTimersByTime(1)
    expect(newest().sent).toEqual(['hello', PING])
    const quiet = newest()
    vi.advanceTimersByTime(4500)
    expect(quiet.isClosed).toBe(true)
    vi.advanceTimersByTime(15_000)
    expect(count()).toBe(3)
  })

  test('is kept when an answer comes', () => {
    newest().open()
    for (let n = 0; n < 5; n++) {
      newest().hear({ event: { type: 'pong' } })
      vi.advanceTimersByTime(19_000)
    }
    expect(count()).toBe(1)
  })
})

describe('a line that says what is no message', () => {
  test('is given up, and the rest of the frame with it', () => {
    newest().open()
    newest().onmessage?.({ data: '{"status":{"value":3}}\n{' })
    expect(user.message).not.toHaveBeenCalled()
    expect(user.lost).toHaveBeenCalledOnce()
  })

  test('is given up in the middle of a frame: the rest of it comes again on the next', () => {
    newest().open()
    vi.mocked(user.message).mockImplementationOnce(() => line.restart())
    newest().onmessage?.({ data: '{"status":{"value":3}}\n{"status":{"value":3}}' })
    expect(user.message).toHaveBeenCalledOnce()
  })
})

describe('a line that is lost', () => {
  test('is tried again with pauses that grow, and start small again once we are in', () => {
    const pauses: number[] = []
    for (let n = 0; n < 4; n++) {
      newest().drop()
      const before = count()
      let waited = 0
      for (; count() === before; waited += 100) vi.advanceTimersByTime(100)
      pauses.push(waited)
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000])
    newest().open()
    line.established()
    newest().drop()
    vi.advanceTimersByTime(500)
    expect(count()).toBe(6)
  })

  test('[E3] by a server that stops is tried again within its window, not before its time', () => {
    newest().open()
    newest().hear({ event: { type: 'goaway', retryWithin: 7000 } })
    newest().drop(1012)
    vi.advanceTimersByTime(6999)
    expect(count()).toBe(1)
    vi.advanceTimersByTime(1)
    expect(count()).toBe(2)
  })

  test.each([1000, 1008, 1009, 4500, 4502])('with close code %i is not tried again', (code) => {
    newest().open()
    newest().drop(code)
    vi.advanceTimersByTime(100_000)
    expect(count()).toBe(1)
    expect(user.ended).toHaveBeenCalledOnce()
  })

  test.each([1001, 1006, 1011, 1012, 1013, 4000, 4001])('with close code %i is tried again', (code) => {
    newest().open()
    newest().drop(code)
    vi.advanceTimersByTime(15_000)
    expect(count()).toBe(2)
  })
})

describe('a machine that was away', () => {
  test('tries at once when it is online again', () => {
    for (let n = 0; n < 6; n++) {
      newest().drop()
      vi.advanceTimersByTime(15_000)
    }
    newest().drop()
    const before = count()
    page.dispatchEvent(new Event('online'))
    expect(count()).toBe(before + 1)
  })

  test('asks whether the line still holds when its page is looked at again', () => {
    newest().open()
    newest().hear({ event: { type: 'pong' } })
    document.visibilityState = 'hidden'
    document.dispatchEvent(new Event('visibilitychange'))
    expect(newest().sent).toEqual(['hello'])
    document.visibilityState = 'visible'
    document.dispatchEvent(new Event('visibilitychange'))
    expect(newest().sent).toEqual(['hello', PING])
    vi.advanceTimersByTime(4500)
    expect(user.lost).toHaveBeenCalledOnce()
  })

  test('has no line, at once, when it is offline', () => {
    newest().open()
    newest().hear({ event: { type: 'pong' } })
    const before = newest()
    page.dispatchEvent(new Event('offline'))
    expect(user.lost).toHaveBeenCalledOnce()
    expect(before.isClosed).toBe(true)
    page.dispatchEvent(new Event('online'))
    expect(count()).toBe(2)
  })

  test('asks less often while nobody sees its page', () => {
    document.visibilityState = 'hidden'
    newest().open()
    newest().hear({ event: { type: 'pong' } })
    vi.advanceTimersByTime(24_999)
    expect(newest().sent).toEqual(['hello'])
    vi.advanceTimersByTime(1)
    expect(newest().sent).toEqual(['hello', PING])
    vi.advanceTimersByTime(7999)
    expect(user.lost).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(user.lost).toHaveBeenCalledOnce()
  })

  test('asks when it has slept', () => {
    newest().open()
    newest().hear({ event: { type: 'pong' } })
    vi.setSystemTime(Date.now() + 3_600_000)
    vi.advanceTimersByTime(5000)
    expect(newest().sent).toEqual(['hello', PING])
  })

  test('is left alone once it has hung up', () => {
    newest().open()
    line.hangUp()
    page.dispatchEvent(new Event('online'))
    vi.advanceTimersByTime(100_000)
    expect(count()).toBe(1)
    expect(vi.getTimerCount()).toBe(0)
  })
})
