import { describe, expect, test } from 'vitest'
import { broadcasts, House, says } from '../support/doubles.ts'

const state = { stateMessage: true }
const limits = { highWaterMark: 1000, tailEntries: 20, tailBytes: 10_000, broadcastRate: 10_000 }

async function slowAndFast() {
  const house = new House(limits)
  const owner = await house.open()
  const { uuid } = owner.welcome
  const [slow, fast] = [await house.join(uuid), await house.join(uuid)]
  slow.connection.block()
  let n = 0
  const flood = async (count: number) => {
    for (let i = 0; i < count; i++) {
      says(owner, 'n', [++n, 'x'.repeat(100)])
      await house.settle()
    }
  }
  const drain = async () => {
    slow.connection.unblock()
    slow.session.drained()
    await house.settle()
  }
  return { house, owner, slow, fast, flood, drain }
}

describe('[R6] a listener that reads too slowly', () => {
  test('gets nothing more past the high-water mark; no other waits for it', async () => {
    const { slow, fast, flood } = await slowAndFast()
    await flood(500)
    expect(slow.connection.backlog).toBeLessThan(2 * limits.highWaterMark)
    expect(broadcasts(fast.connection.received)).toHaveLength(500)
  })

  test('gets all where it was only a moment, and the rest is small', async () => {
    const { owner, house, slow, fast, flood, drain } = await slowAndFast()
    await flood(8)
    await drain()
    says(owner, 'n', ['last'])
    await house.settle()
    expect(slow.connection.received.some(({ event }) => event?.type === 'lagged')).toBe(false)
    expect(broadcasts(slow.connection.received)).toEqual(broadcasts(fast.connection.received))
  })

  test('gets the state that changed when it drains, and is told how much else it missed', async () => {
    const { house, owner, slow, flood, drain } = await slowAndFast()
    says(owner, 'slide', [1], state)
    says(owner, 'theme', ['light'], state)
    await flood(50)
    for (const slide of [2, 3, 4]) says(owner, 'slide', [slide], state)
    says(owner, 'ink', [1], { ...state, retain: 'append' })
    says(owner, 'ink', [2], { ...state, retain: 'append' })
    await flood(50)
    slow.connection.fresh()
    await drain()
    const messages = slow.connection.fresh()
    const seen = messages.findLastIndex(({ seq, replay }) => seq !== undefined && !replay)
    const lastSeen = messages[seen]!.seq!
    const [lagged, ...changes] = messages.slice(seen + 1)
    expect(broadcasts(changes)).toEqual(['slide:4', 'ink:1', 'ink:2'])
    expect(lagged).toMatchObject({
      event: { type: 'lagged', reset: false, replay: 3, missed: 107 - lastSeen - 3, position: { seq: 107 } },
    })
    says(owner, 'n', ['live'])
    await house.settle()
    expect(slow.connection.fresh()).toMatchObject([{ seq: 108, funcParams: ['live'] }])
  })

  test('learns of what was cleared meanwhile', async () => {
    const { owner, house, slow, flood, drain } = await slowAndFast()
    says(owner, 'ink', [1], { ...state, retain: 'append' })
    await flood(50)
    says(owner, 'ink', [2], { ...state, retain: 'append' })
    says(owner, 'ink', ['gone'], { ...state, retain: 'clear' })
    says(owner, 'ink', [3], { ...state, retain: 'append' })
    await flood(50)
    await drain()
    await house.settle()
    const caughtUp = slow.connection.received.slice(
      slow.connection.received.findIndex(({ event }) => event?.type === 'lagged') + 1,
    )
    expect(broadcasts(caughtUp)).toEqual(['ink:gone', 'ink:3'])
  })

  test('starts afresh where more was cleared than is remembered', async () => {
    const { owner, house, slow, flood, drain } = await slowAndFast()
    says(owner, 'keep', [1], state)
    await flood(50)
    for (let n = 0; n < 1100; n++) {
      says(owner, 'ink', [n], { ...state, stateKey: `${n}` })
      says(owner, 'ink', [n], { ...state, stateKey: `${n}`, retain: 'clear' })
      await house.settle()
    }
    says(owner, 'slide', [2], state)
    await house.settle()
    await drain()
    const at = slow.connection.received.findIndex(({ event }) => event?.type === 'lagged')
    expect(slow.connection.received[at]).toMatchObject({ event: { reset: true, replay: 2 } })
    expect(broadcasts(slow.connection.received.slice(at + 1))).toEqual(['keep:1', 'slide:2'])
  })

  test('that drains nothing in the write deadline is closed, to come again', async () => {
    const { slow, fast, house, owner } = await slowAndFast()
    slow.session.stalled()
    expect(slow.connection.closed?.code).toBe(4001)
    says(owner, 'n', [1])
    await house.settle()
    expect(broadcasts(fast.connection.received)).toEqual(['n:1'])
  })

  test('is not sent what is meant for it alone', async () => {
    const { owner, house, slow, flood, drain } = await slowAndFast()
    await flood(50)
    const { backlog } = slow.connection
    says(owner, 'psst', ['x'.repeat(500)], { to: [slow.welcome.clientId] })
    await house.settle()
    expect(slow.connection.backlog).toBe(backlog)
    await drain()
  })

  test('an owner that never reads its answers is closed before they grow without bound', async () => {
    const house = new House({ ...limits, stateBytes: 10_000 })
    const owner = await house.open()
    owner.connection.block()
    for (let n = 0; n < 1000; n++) says(owner, 'n', [n], { id: `${n}` })
    await house.settle()
    expect(owner.connection.closed?.code).toBe(4001)
    expect(owner.connection.backlog).toBeLessThan(50_000)
  })
})
