import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { follow, present } from '../../src/sdk/index.ts'
import { TcpProxy } from '../support/proxy.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const RATE = 200
const BYTES = 100_000

let server: TestServer

beforeAll(async () => {
  server = await startTestServer({ BROADCAST_RATE: `${RATE}`, BROADCAST_BYTES: `${BYTES}` })
})

afterAll(() => server.stop())

/** A follower's list of what it was shown, and a wait for its end. */
async function watch(uuid: string) {
  const show = follow<{ step: [n: number, text: string]; end: [] }>(server.url, uuid)
  onTestFinished(() => show.leave())
  const steps: number[] = []
  show.on('step', (n) => steps.push(n))
  await new Promise<void>((resolve) => show.when('status', (status) => status === 'live' && resolve()))
  return { steps, end: new Promise<void>((resolve) => show.on('end', resolve)) }
}

test.each([
  ['more messages than the room takes', 0, 900, ''],
  ['the same over a line that takes long', 120, 900, ''],
  ['more bytes than the room takes', 0, 90, 'x'.repeat(4000)],
])('[C6] who shows %s loses none of them, and they keep their order', async (_, delay, count, text) => {
  const proxy = await TcpProxy.to(server.port)
  onTestFinished(() => proxy.close())
  proxy.delay = delay
  const room = await present(proxy.url)
  onTestFinished(() => room.leave())
  const { steps, end } = await watch(room.uuid)
  const problems: unknown[] = []
  const statuses: string[] = []
  room.when('problem', (error) => problems.push((error as unknown as { code: string }).code))
  room.when('status', (status) => statuses.push(status))
  const start = performance.now()
  const said = Array.from({ length: count }, (_, n) => room.broadcast('step', n, text))
  await Promise.all(said)
  const seconds = (performance.now() - start) / 1000
  await room.broadcast('end')
  await end
  expect(steps).toEqual(Array.from({ length: count }, (_, n) => n))
  // A second's worth at once; and it is not much slower than it may be.
  const least = Math.max(count / RATE, (count * text.length) / BYTES) - 1.2
  expect(seconds).toBeGreaterThan(least)
  expect(seconds).toBeLessThan(3 * least + 3)
  expect(new Set(problems)).toEqual(new Set(['rate_limited']))
  expect(problems.length).toBeLessThanOrEqual(seconds + 2)
  expect(statuses).toEqual([])
})

test('[C6] who shows more goes on when its line is lost meanwhile', async () => {
  const proxy = await TcpProxy.to(server.port)
  onTestFinished(() => proxy.close())
  const room = await present(proxy.url)
  onTestFinished(() => room.leave())
  room.when('problem', () => {})
  const { steps, end } = await watch(room.uuid)
  const said = Array.from({ length: 800 }, (_, n) => room.broadcast('step', n, ''))
  await said[300]
  proxy.cut()
  await said[500]
  proxy.cut()
  await Promise.all(said)
  await room.broadcast('end')
  await end
  expect(steps).toEqual(Array.from({ length: 800 }, (_, n) => n))
})
