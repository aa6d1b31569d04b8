import { expect, test } from 'vitest'
import { Watch } from '../../src/room/watch.ts'
import { House } from '../support/doubles.ts'

test('[E2] somebody has looked since the start, or since nobody did for more than three seconds', () => {
  const watch = new Watch(1000)
  expect([2000, 5000, 8000].map((now) => watch.look(now))).toEqual([1000, 1000, 1000])
  expect([11_001, 12_000].map((now) => watch.look(now))).toEqual([11_001, 11_001])
  // One that hangs again and again looks after nobody.
  expect([20_000, 30_000, 40_000].map((now) => watch.look(now))).toEqual([20_000, 30_000, 40_000])
})

test('[E2] a room does not end before it was watched for its grace time, and then it does', async () => {
  const house = new House({ grace: 1000 })
  const owner = await house.open()
  const listener = await house.join(owner.welcome.uuid)
  owner.session.gone()
  await house.settle()
  house.clock.advance(5000)
  const since = house.clock.now()
  house.clock.advance(999)
  await house.manager.expire(since)
  expect(listener.connection.closed).toBeUndefined()
  house.clock.advance(1)
  await house.manager.expire(since)
  await house.settle()
  expect(listener.connection.received.at(-1)).toMatchObject({ event: { code: 'room_abandoned' } })
})
