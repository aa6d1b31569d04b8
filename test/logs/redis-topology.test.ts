import { expect, onTestFinished, test } from 'vitest'
import { plain, Recorder } from '../contracts/room-log.ts'
import { eventually, until } from '../support/events.ts'
import { type ClusterOptions, describeWithRedis, type RedisServer, startCluster } from '../support/redis.ts'
import { freshPrefix, openRedisLog } from '../support/redis-log.ts'

const A = '00000000-0000-4000-8000-00000000000a'

async function clusterOfTest(options: ClusterOptions) {
  const cluster = await startCluster(3, options)
  onTestFinished(() => cluster.stop())
  return cluster
}

async function logOfTest(urls: readonly string[], prefix = freshPrefix()) {
  const opened = await openRedisLog(urls, { isCluster: true, prefix, lease: 600 })
  onTestFinished(() => opened.log.close())
  return opened
}

describeWithRedis('a cluster whose servers change', () => {
  test('upgraded one server at a time: a node goes on, and rooms of a shard that was quiet meanwhile can be had', async () => {
    const cluster = await clusterOfTest({ replicas: 1 })
    const prefix = freshPrefix()
    const { log, driver } = await logOfTest(cluster.urls, prefix)
    await log.create(A, 'hash')
    const recorder = await log.follow(A, (snapshot) => new Recorder(snapshot))
    const busy = await Promise.all(
      [`${prefix}{${A}}:room`, `${prefix}{index}:here`].map((key) => cluster.masterOf(key)),
    )
    const quiet = cluster.nodes.slice(0, 3).find((node) => !busy.includes(node))!
    await cluster.switchOver(quiet)
    await quiet.restart()
    await quiet.untilLinked()
    // What was connected to it has connected again by now, and has been told that it is a replica.
    await eventually(async () => expect(await connectionsOf(quiet)).toBe(0))
    await eventually(() => expect(driver.ailment).toBeUndefined())
    expect(await eventually(() => log.append(A, plain('goes on')))).toEqual({ seq: 1 })
    await eventually(() => expect(recorder!.entries).toHaveLength(1))
    for (let n = 0; n < 20; n++) {
      const uuid = crypto.randomUUID()
      await log.create(uuid, 'hash')
      expect(await log.append(uuid, plain('new'))).toEqual({ seq: 1 })
    }
  })

  test('the last room of a shard that is left while its channels are asked for a sign of life is no failure', async () => {
    const cluster = await clusterOfTest({ delay: 50 })
    const { log, driver } = await logOfTest(cluster.urls)
    const uuids = await oneOfEachShard(cluster.nodes[0]!)
    for (const uuid of uuids) await log.create(uuid, 'hash')
    // A connection for channels says something a second after it was made: the room is left just before.
    for (const early of [100, 50]) {
      await Promise.all(
        uuids.map(async (uuid) => {
          const recorder = await log.follow(uuid, (snapshot) => new Recorder(snapshot))
          await new Promise((resolve) => setTimeout(resolve, 800 - early))
          log.unfollow(uuid, recorder!)
        }),
      )
      // What was under way has come, or will not.
      await new Promise((resolve) => setTimeout(resolve, 300))
      await eventually(() => expect(driver.ailment).toBeUndefined())
    }
  })
})

/** Connections of the clients of a test to `server`, but for the one that asks. */
async function connectionsOf(server: RedisServer): Promise<number> {
  const list = await server.command<string>('CLIENT', 'LIST', 'TYPE', 'normal')
  return list.trim().split('\n').length - 1
}

/** Names of rooms, one of each of three masters that share the slots evenly. */
async function oneOfEachShard(server: RedisServer): Promise<string[]> {
  const found = new Map<number, string>()
  await until(async () => {
    const uuid = crypto.randomUUID()
    found.set(Math.floor((await server.command<number>('CLUSTER', 'KEYSLOT', uuid)) / (16_384 / 3)), uuid)
    return found.size === 3
  })
  return [...found.values()]
}
