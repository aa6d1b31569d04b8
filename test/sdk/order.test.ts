import { describe, expect, test } from 'vitest'
import { Order } from '../../src/sdk/order.ts'

const at = (seq: number) => ({ epoch: 'e', seq })

describe("a member's place in the order", () => {
  test('is known only when the first replay is through', () => {
    const order = new Order()
    order.startReplay(2, at(9), false)
    expect(order.judge({ seq: 3, replay: true })).toBe('take')
    expect(order.since).toBeUndefined()
    order.judge({ seq: 7, replay: true })
    expect(order.since).toEqual(at(9))
  })

  test('is known at once when there is nothing to replay', () => {
    const order = new Order()
    order.startReplay(0, at(4), false)
    expect(order.since).toEqual(at(4))
  })

  test('moves with each broadcast; what is known is passed over, and a gap is seen', () => {
    const order = new Order()
    order.startReplay(0, at(4), false)
    expect(order.judge({ seq: 5 })).toBe('take')
    expect(order.judge({ seq: 5 })).toBe('known')
    expect(order.judge({ seq: 7 })).toBe('gap')
    expect(order.since).toEqual(at(5))
    expect(order.judge({})).toBe('take')
  })

  test('moves with what it is caught up by, so that a lost line loses nothing, and repeats nothing', () => {
    const order = new Order()
    order.startReplay(0, at(4), false)
    order.startReplay(3, at(20), true)
    expect(order.judge({ seq: 9, replay: true })).toBe('take')
    expect(order.since).toEqual(at(9))
    expect(order.judge({ seq: 9, replay: true })).toBe('known')
    expect(order.judge({ seq: 15, replay: true })).toBe('take')
    expect(order.since).toEqual(at(20))
    order.startReplay(2, at(30), false)
    expect(order.since).toBeUndefined()
  })
})
