import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Hear, RedisDriver } from '../../src/logs/redis/driver.ts'
import { RedisNodes } from '../../src/logs/redis/nodes.ts'
import { systemClock } from '../../src/node/clock.ts'
import { NodeRedisDriver } from '../../src/node/redis-driver.ts'
import { type Answering, testNodes } from '../contracts/nodes.ts'
import { SteppedClock, settle } from '../support/doubles.ts'
import { eventually } from '../support/events.ts'
import { type Cluster, describeWithRedis, type RedisServer, startCluster, startRedis } from '../support/redis.ts'
import { freshPrefix } from '../support/redis-log.ts'

const A = '00000000-0000-4000-8000-00000000000a'

let names = 0

/** A node with a connection of its own, which can be asked when this resolves. */
async function startNode(urls: readonly string[], isCluster: boolean, prefix: string, answer: Answering) {
  const driver = new NodeRedisDriver({ urls: urls as [string], isCluster, onNews: () => {} })
  await driver.connect()
  const name = `asking${++names}`
  const nodes = new RedisNodes(driver, systemClock, prefix, name, answer)
  const published = vi.spyOn(driver, 'publish')
  nodes.open()
  // It says that it is alive before it says anything to itself.
  await vi.waitFor(() => expect(published).toHaveBeenCalled())
  return { nodes, driver, published, end: () => nodes.close().then(() => driver.close()) }
}

describeWithRedis('nodes over one server', () => {
  let redis: RedisServer
  let prefix = freshPrefix()

  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  testNodes('Redis', {
    start: (answer) => startNode([redis.url], false, prefix, answer),
    cleanUp: async () => {
      prefix = freshPrefix()
    },
  })

  test('[B2] a thousand nodes that a client has made up cost no message, and Redis next to nothing', async () => {
    const node = await startNode([redis.url], false, prefix, async () => undefined)
    node.published.mockClear()
    const runs = vi.spyOn(node.driver, 'run')
    const begin = Date.now()
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all(Array.from({ length: 1000 }, (_, n) => node.nodes.ask(`made-up-${n}`, A, 'x')))
      expect(new Set(answers)).toEqual(new Set([undefined]))
    }
    // Those to itself are no answer to anybody.
    expect(node.published.mock.calls.filter(([channel]) => channel.includes('made-up'))).toEqual([])
    expect(runs.mock.calls.length).toBeLessThanOrEqual(2 + (Date.now() - begin) / 200)
    await node.end()
  })

  test('a node that is killed is not asked any more once its lease is over, and leaves no key with the last', async () => {
    const [one, dies] = [
      await startNode([redis.url], false, prefix, async () => undefined),
      await startNode([redis.url], false, prefix, async () => undefined),
    ]
    await dies.driver.close()
    await redis.command('ZADD', `${prefix}{nodes}:alive`, String(Date.now() - 11_000), dies.nodes.name)
    expect(await one.nodes.ask('made-up', A, 'x')).toBeUndefined()
    one.published.mockClear()
    expect(await one.nodes.ask(dies.nodes.name, A, 'x')).toBeUndefined()
    expect(one.published.mock.calls.filter(([channel]) => channel.includes(dies.nodes.name))).toEqual([])
    await one.end()
    await dies.nodes.close()
    expect(await redis.keys(`${prefix}*`)).toEqual([])
  })
})

describeWithRedis('nodes over a cluster', () => {
  let cluster: Cluster
  let prefix = freshPrefix()

  beforeAll(async () => {
    cluster = await startCluster(3)
  })
  afterAll(() => cluster.stop())

  testNodes('Redis Cluster', {
    start: (answer) => startNode(cluster.urls, true, prefix, answer),
    cleanUp: async () => {
      prefix = freshPrefix()
    },
  })
})

describe('a node', () => {
  test('that is closed while it waits to be heard of leaves no timer', async () => {
    const clock = new SteppedClock()
    const { promise, reject } = Promise.withResolvers<void>()
    const driver = { subscribe: () => promise } as unknown as RedisDriver
    const nodes = new RedisNodes(driver, clock, '', 'node', async () => undefined)
    nodes.open()
    await nodes.close()
    reject(new Error('no connection'))
    await settle()
    expect(clock.pending).toBe(0)
  })

  test('that is not heard by itself any more listens anew', async () => {
    const clock = new SteppedClock()
    const ears = new Set<Hear>()
    const driver = {
      subscribe: async (_: string, hear: Hear) => void ears.add(hear),
      unsubscribe: async (_: string, hear: Hear) => void ears.delete(hear),
      publish: async (channel: string, message: string) => {
        for (const hear of ears) hear(message, channel)
        return ears.size
      },
      run: async () => ['node'],
    } as unknown as RedisDriver
    const nodes = new RedisNodes(driver, clock, '', 'node', async () => undefined)
    nodes.open()
    await settle()
    ears.clear()
    for (let beats = 0; beats < 2; beats++) {
      clock.advance(3000)
      await settle()
    }
    await eventually(() => expect(ears.size).toBe(1))
    await nodes.close()
  })
})
