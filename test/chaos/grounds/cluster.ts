import { until } from '../../support/events.ts'
import type { Random } from '../../support/random.ts'
import { type Cluster, type RedisServer, startCluster } from '../../support/redis.ts'
import { Fleet } from '../fleet.ts'
import { type Ground, seconds, sleep } from '../ground.ts'
import { roomKeysBeside } from './room-keys.ts'

const GRACE = 20

/** Milliseconds for a cluster to be whole again. */
const WHOLE_WITHIN = 30_000

/** Three servers over a Redis Cluster of three masters with a replica each. */
export async function clusterGround(): Promise<Ground> {
  const cluster = await startCluster(3, { replicas: 1, nodeTimeout: 1500 })
  const fleet = await startFleet(cluster)

  async function servers(role: 'master' | 'slave'): Promise<RedisServer[]> {
    const roles = await Promise.all(cluster.nodes.map((node) => node.command<[string]>('ROLE').catch(() => [''])))
    return cluster.nodes.filter((_, i) => roles[i]![0] === role)
  }

  async function isWhole(): Promise<boolean> {
    const [masters, replicas] = [await servers('master'), await servers('slave')]
    if (masters.length !== 3 || replicas.length !== 3) return false
    const links = await Promise.all(replicas.map((replica) => replica.command<string>('INFO', 'replication')))
    return links.every((link) => link.includes('master_link_status:up'))
  }

  const untilWhole = async () => {
    await until(isWhole, WHOLE_WITHIN)
    await cluster.untilOk()
  }

  /** A replica takes its master's place, with nothing lost. */
  async function failOver(replica: RedisServer): Promise<void> {
    await replica.command('CLUSTER', 'FAILOVER')
    await until(async () => (await replica.command<[string]>('ROLE'))[0] === 'master', WHOLE_WITHIN)
  }

  /** As an operator does it: a replica is started anew at once, a master after it has given its place away. */
  async function upgrade(server: RedisServer): Promise<void> {
    await untilWhole()
    const [role, ...rest] = await server.command<[string, ...unknown[]]>('ROLE')
    if (role === 'master') {
      const [, port] = (rest[1] as [string, string][])[0]!
      await failOver(cluster.nodes.find((node) => node.port === Number(port))!)
    }
    await server.restart()
    await untilWhole()
  }

  return {
    url: fleet.url,
    addresses: fleet.addresses,
    grace: GRACE,
    faults: {
      ...fleet.faults,
      'a planned failover': async (random) => {
        await untilWhole()
        await failOver(random.pick(await servers('slave')))
        await untilWhole()
      },
      'a master dies': async (random) => {
        await untilWhole()
        const master = random.pick(await servers('master'))
        await master.kill()
        await until(async () => (await servers('master')).length === 3, WHOLE_WITHIN)
        await sleep(seconds(random, 0, 2))
        await master.restart()
        await untilWhole()
      },
      'a master hangs for a moment': async (random) => {
        await untilWhole()
        const master = random.pick(await servers('master'))
        master.pause()
        await sleep(seconds(random, 0.2, 1))
        master.resume()
      },
      'all masters are slow': async (random) => {
        await untilWhole()
        const masters = await servers('master')
        for (const end = Date.now() + 1000 * seconds(random, 2, 6); Date.now() < end; await sleep(0.05)) {
          for (const master of masters) master.pause()
          await sleep(0.3)
          for (const master of masters) master.resume()
        }
      },
      'one server is upgraded': async (random) => upgrade(random.pick(cluster.nodes)),
      'all servers are upgraded in turn': async (random) => {
        for (const server of shuffled(cluster.nodes, random)) await upgrade(server)
      },
      'a slot moves': async (random) => {
        await untilWhole()
        const keys = await cluster.keys()
        if (keys.length > 0) await cluster.moveSlot(random.pick(keys))
      },
      'connections to a server are cut': async (random) => {
        await random.pick(await servers('master')).cutConnections()
      },
    },
    leftovers: async (uuids) => roomKeysBeside(uuids, await cluster.keys()),
    accidents: () => fleet.accidents,
    stop: () => fleet.stop().finally(() => cluster.stop()),
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items]
  return Array.from(items, () => left.splice(random.below(left.length), 1)[0]!)
}

/** Three servers over a Redis Cluster of three masters, a tenth of a second away there and back. */
export async function farClusterGround(): Promise<Ground> {
  const cluster = await startCluster(3, { delay: 50 })
  const fleet = await startFleet(cluster)
  return {
    url: fleet.url,
    addresses: fleet.addresses,
    grace: GRACE,
    faults: {
      ...fleet.faults,
      'connections to a server are cut': async (random) => {
        await random.pick(cluster.nodes).cutConnections()
      },
      'nothing happens': (random) => sleep(seconds(random, 1, 4)),
    },
    leftovers: async (uuids) => roomKeysBeside(uuids, await cluster.keys()),
    accidents: () => fleet.accidents,
    stop: () => fleet.stop().finally(() => cluster.stop()),
  }
}

function startFleet(cluster: Cluster): Promise<Fleet> {
  return Fleet.start(3, {
    REDIS_URL: cluster.urls.slice(0, 3).join(','),
    REDIS_CLUSTER: 'true',
    GRACE_SECONDS: `${GRACE}`,
  })
}
