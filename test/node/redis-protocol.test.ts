import { testProtocol } from '../contracts/protocol.ts'
import { SUITE_VARIABLES } from '../contracts/protocol-settings.ts'
import { SLOW_LISTENER_VARIABLES, testSlowListener } from '../contracts/slow-listener.ts'
import { until } from '../support/events.ts'
import { overSockets } from '../support/network.ts'
import { describeWithRedis, startCluster, startRedis } from '../support/redis.ts'
import { startTestServer } from '../support/server.ts'

describeWithRedis('rooms in Redis', () => {
  testProtocol('two nodes over one Redis', async () => {
    const redis = await startRedis()
    return nodes(2, { REDIS_URL: redis.url }, () => redis.stop())
  })

  testSlowListener('two nodes over one Redis', async () => {
    const redis = await startRedis()
    return nodes(2, { REDIS_URL: redis.url, ...SLOW_LISTENER_VARIABLES }, () => redis.stop())
  })

  testProtocol('two nodes over a Redis Cluster', async () => {
    const cluster = await startCluster(3)
    return nodes(2, { REDIS_URL: cluster.urls.join() }, () => cluster.stop())
  })
})

async function nodes(count: number, env: Record<string, string>, stop: () => Promise<void>) {
  const start = async () => {
    const server = await startTestServer({ ...SUITE_VARIABLES, ...env })
    await until(async () => (await fetch(`${server.url}/health`)).status === 200)
    return server
  }
  const [first, ...rest] = await Promise.all(Array.from({ length: count }, start))
  const set = overSockets(first!, ...rest)
  return { ...set, stop: () => set.stop().finally(stop) }
}
