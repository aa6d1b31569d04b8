import { expect, test } from 'vitest'
import type { RedisDriver } from '../../src/logs/redis/driver.ts'
import { RedisNodes } from '../../src/logs/redis/nodes.ts'
import { SteppedClock, settle } from '../support/doubles.ts'

test('a node that is closed while it waits to be heard of leaves no timer', async () => {
  const clock = new SteppedClock()
  const { promise, reject } = Promise.withResolvers<void>()
  const driver = { subscribe: () => promise } as unknown as RedisDriver
  const nodes = new RedisNodes(driver, clock, '', 'node', async () => undefined)
  nodes.open()
  nodes.close()
  reject(new Error('no connection'))
  await settle()
  expect(clock.pending).toBe(0)
})
