import { expect, test } from 'vitest'
import { Batch } from '../../src/room/batch.ts'
import { Budget } from '../../src/room/budget.ts'
import { WebSocketConnection } from '../../src/transports/websocket.ts'

function line(budget: Budget, isFull: boolean) {
  const socket = { writableLength: 0, destroyed: false, write: () => !isFull, cork() {}, uncork() {} }
  const ws = { readyState: 1, close: () => {} }
  return new WebSocketConnection(
    ws,
    socket,
    () => {},
    () => {},
    budget,
  )
}

test('[B2] what waits in full sockets counts once, however many wait for it, until the last has taken it', () => {
  const budget = new Budget(1e9)
  const [one, other, free] = [line(budget, true), line(budget, true), line(budget, false)]
  const shared = new Batch(['x'.repeat(1000)])
  const own = new Batch(['x'.repeat(500)])
  for (const connection of [one, other, free]) connection.write(shared)
  expect(budget.held).toBe(2000)
  other.write(own)
  expect(budget.held).toBe(3000)
  one.drained()
  expect(budget.held).toBe(3000)
  other.drained()
  other.drained()
  expect(budget.held).toBe(0)
})
