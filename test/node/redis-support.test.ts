import { createClient, createCluster } from '@redis/client'
import { expect, onTestFinished, test } from 'vitest'
import {
  type ClusterOptions,
  describeWithRedis,
  hasOpenssl,
  type RedisOptions,
  type RedisServer,
  startCluster,
  startRedis,
  startReplica,
} from '../support/redis.ts'

async function redisOfTest(options?: RedisOptions): Promise<RedisServer> {
  const redis = await startRedis(options)
  onTestFinished(() => redis.stop())
  return redis
}

async function clusterOfTest(options?: ClusterOptions) {
  const cluster = await startCluster(3, options)
  onTestFinished(() => cluster.stop())
  return cluster
}

/** A client as an application has it: it comes back by itself. */
async function clientOfTest(url: string) {
  const client = createClient({ url, socket: { reconnectStrategy: 10 } })
  client.on('error', () => {})
  onTestFinished(() => client.destroy())
  await client.connect()
  return client
}

/** Rejects with what the first try met. */
function connectOnce(url: string) {
  const client = createClient({ url, socket: { reconnectStrategy: false } })
  client.on('error', () => {})
  return client.connect()
}

describeWithRedis('a Redis of a test', () => {
  test('answers, and lists its keys', async () => {
    const redis = await redisOfTest({ isDurable: false })
    expect(await redis.command('PING')).toBe('PONG')
    await redis.command('MSET', 'room:b', '1', 'room:a', '1', 'other', '1')
    expect(await redis.keys('room:*')).toEqual(['room:a', 'room:b'])
    expect(await redis.keys()).toEqual(['other', 'room:a', 'room:b'])
  })

  test('has its data and its port after a restart, in order or after a kill -9', async () => {
    const redis = await redisOfTest()
    const client = await clientOfTest(redis.url)
    for (const end of [() => redis.shutdown(), () => redis.kill()]) {
      let acknowledged = 0
      const flow = (async () => {
        for (;;) acknowledged = await client.incr('count')
      })()
      const isOver = expect(flow).rejects.toThrow()
      await expect.poll(() => acknowledged).toBeGreaterThan(50)
      await Promise.all([end(), isOver])
      expect(redis.isRunning).toBe(false)
      await expect(redis.command('PING')).rejects.toThrow()
      await redis.restart()
      expect(Number(await redis.command('GET', 'count'))).toBeGreaterThanOrEqual(acknowledged)
    }
  })

  test('that keeps nothing has nothing after a restart', async () => {
    const redis = await redisOfTest({ isDurable: false })
    await redis.command('SET', 'a', '1')
    await redis.restart()
    expect(await redis.keys()).toEqual([])
  })

  test('answers nothing while it is paused, and everything after', async () => {
    const redis = await redisOfTest({ isDurable: false })
    const client = await clientOfTest(redis.url)
    redis.pause()
    let isAnswered = false
    const answer = client.ping().finally(() => {
      isAnswered = true
    })
    // That nothing comes cannot be awaited.
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(isAnswered).toBe(false)
    redis.resume()
    expect(await answer).toBe('PONG')
  })

  test('cuts connections, subscribers among them, and they come back', async () => {
    const redis = await redisOfTest({ isDurable: false })
    const [client, subscriber] = [await clientOfTest(redis.url), await clientOfTest(redis.url)]
    const heard: string[] = []
    await subscriber.subscribe('news', (message) => heard.push(message))
    const back = [client, subscriber].map((one) => new Promise((resolve) => one.once('ready', resolve)))
    expect(await redis.cutConnections()).toBe(2)
    await Promise.all(back)
    expect(await client.publish('news', 'still here')).toBe(1)
    await expect.poll(() => heard).toEqual(['still here'])
  })

  test('takes more arguments', async () => {
    const redis = await redisOfTest({
      isDurable: false,
      args: ['--maxmemory', '2mb', '--maxmemory-policy', 'noeviction'],
    })
    await redis.command('SET', 'a', 'x')
    await expect(redis.command('SET', 'b', 'x'.repeat(4_000_000))).rejects.toThrow('OOM')
  })

  test('asks for its password', async () => {
    const redis = await redisOfTest({ isDurable: false, password: 'open: sesame/1' })
    expect(await redis.command('PING')).toBe('PONG')
    expect(await (await clientOfTest(redis.url)).ping()).toBe('PONG')
    await expect(connectOnce(`redis://127.0.0.1:${redis.port}`)).rejects.toThrow('NOAUTH')
  })

  test.skipIf(!hasOpenssl())('speaks TLS only, with a certificate that has to be trusted', async () => {
    const redis = await redisOfTest({ tls: true })
    await redis.command('SET', 'a', '1')
    await redis.restart()
    expect(await redis.command('GET', 'a')).toBe('1')
    await expect(connectOnce(redis.url)).rejects.toThrow('self-signed certificate')
    await expect(connectOnce(`redis://127.0.0.1:${redis.port}`)).rejects.toThrow()
  })

  test('has a replica that takes over', async () => {
    const master = await redisOfTest({ password: 'secret' })
    await master.command('SET', 'a', '1')
    const replica = await startReplica(master)
    onTestFinished(() => replica.stop())
    expect(await replica.command('GET', 'a')).toBe('1')
    await expect(replica.command('SET', 'a', '2')).rejects.toThrow('READONLY')
    await master.kill()
    await replica.promote()
    await replica.command('SET', 'a', '2')
    await master.restart()
    await master.follow(replica)
    expect(await master.command('GET', 'a')).toBe('2')
  })
})

describeWithRedis('a Redis Cluster of a test', () => {
  test('is complete, and each key is where its slot is', async () => {
    const cluster = await clusterOfTest({ isDurable: false })
    const client = createCluster({ rootNodes: cluster.urls.map((url) => ({ url })) })
    client.on('error', () => {})
    onTestFinished(() => client.destroy())
    await client.connect()
    const keys = Array.from({ length: 30 }, (_, n) => `room:${n}`).sort()
    for (const key of keys) await client.set(key, '1')
    expect(await cluster.keys('room:*')).toEqual(keys)
    for (const node of cluster.nodes) {
      expect(await node.command('CLUSTER', 'INFO')).toContain('cluster_state:ok')
      expect((await node.keys()).length).toBeGreaterThan(0)
    }
    expect(await (await cluster.masterOf('room:7')).command('GET', 'room:7')).toBe('1')
  })

  test('goes on without a master that was killed', async () => {
    const cluster = await clusterOfTest({ replicas: 1 })
    const before = await cluster.masterOf('room')
    const client = await before.connect()
    onTestFinished(() => client.destroy())
    await client.set('room', '1')
    // What no replica has yet, a failover loses.
    expect(await client.wait(1, 0)).toBe(1)
    const after = await cluster.failOver('room')
    expect(after).not.toBe(before)
    expect(await after.command('GET', 'room')).toBe('1')
    await after.command('SET', 'room', '2')
    expect(await cluster.keys()).toEqual(['room'])
  })
})
