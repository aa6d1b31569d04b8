import { afterAll, beforeAll } from 'vitest'
import { CONTRACT_MAX_ROOMS, testRoomLog } from '../contracts/room-log.ts'
import { type Cluster, describeWithRedis, type RedisServer, startCluster, startRedis } from '../support/redis.ts'
import { openRedisLog } from '../support/redis-log.ts'

describeWithRedis('one server', () => {
  let redis: RedisServer

  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  testRoomLog('Redis', {
    open: async () => (await openRedisLog([redis.url], { maxRooms: CONTRACT_MAX_ROOMS })).log,
  })
})

describeWithRedis('a cluster of three masters', () => {
  let cluster: Cluster

  beforeAll(async () => {
    cluster = await startCluster(3, { password: 'p@ss/word' })
  }, 30_000)
  afterAll(() => cluster.stop())

  testRoomLog('Redis Cluster', {
    open: async () => (await openRedisLog(cluster.urls, { isCluster: true, maxRooms: CONTRACT_MAX_ROOMS })).log,
  })
})
