import { until } from '../events.ts'
import { TcpProxy } from '../proxy.ts'
import { type RedisOptions, type RedisServer, startRedis } from './server.ts'

const SLOTS = 16_384

/** Milliseconds for the nodes to agree on something. */
const PATIENCE = 30_000

export interface ClusterOptions extends Pick<RedisOptions, 'isDurable' | 'password' | 'args'> {
  /** Of each master; none, unless said. */
  readonly replicas?: 0 | 1
  /** Milliseconds after which a silent node is taken for dead. */
  readonly nodeTimeout?: number
  /** Milliseconds that a message takes, each way, between a client and any of its nodes. */
  readonly delay?: number
}

/** A Redis Cluster on 127.0.0.1. */
export class Cluster {
  /** The masters of the beginning, then the replica of each. */
  readonly nodes: readonly RedisServer[]
  readonly urls: readonly string[]
  readonly #proxies: readonly TcpProxy[]

  /** For `startCluster`. */
  constructor(nodes: readonly RedisServer[], proxies: readonly TcpProxy[]) {
    this.nodes = nodes
    this.#proxies = proxies
    this.urls = nodes.map(({ url }) => url)
  }

  /** The node that `key` is written to now. */
  async masterOf(key: string): Promise<RedisServer> {
    const [master] = await this.#mastersOf(key)
    if (master === undefined) throw new Error(`nobody serves ${key}`)
    return master
  }

  /** Kills the master of `key`; resolves with the replica that has taken its place, when all that run know of it. */
  async failOver(key: string): Promise<RedisServer> {
    const master = await this.masterOf(key)
    await master.kill()
    await until(async () => !(await this.#mastersOf(key)).includes(master), PATIENCE)
    await this.untilOk()
    return this.masterOf(key)
  }

  /** The replica of `master` takes its place, as before an upgrade of it; resolves with it when all know of it. */
  async switchOver(master: RedisServer): Promise<RedisServer> {
    const [, , [[, port]]] = await master.command<[string, number, [[string, string]]]>('ROLE')
    const replica = this.nodes.find((node) => `${node.port}` === port)!
    await replica.command('CLUSTER', 'FAILOVER')
    await until(async () => {
      const views = await Promise.all(
        this.#running.map((node) => node.command<[number, number, [string, number]][]>('CLUSTER', 'SLOTS')),
      )
      const isDone = (node: RedisServer) =>
        views.every((view) => view.some(([, , [, masterPort]]) => masterPort === node.port))
      return isDone(replica) && !views.flat().some(([, , [, masterPort]]) => masterPort === master.port)
    }, PATIENCE)
    await replica.command('PING')
    return replica
  }

  /** Gives the slot of `key`, with all that is in it, to another master, as a cluster that grows or shrinks does. */
  async moveSlot(key: string): Promise<void> {
    const source = await this.masterOf(key)
    const roles = await Promise.all(this.#running.map((node) => node.command<[string]>('ROLE')))
    const masters = this.#running.filter((_, i) => roles[i]![0] === 'master')
    const target = masters.find((master) => master !== source)!
    const slot = `${await source.command<number>('CLUSTER', 'KEYSLOT', key)}`
    const [from, to] = await Promise.all([source, target].map((node) => node.command<string>('CLUSTER', 'MYID')))
    await target.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from!)
    await source.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to!)
    const keys = await source.command<string[]>('CLUSTER', 'GETKEYSINSLOT', slot, '1000')
    if (keys.length > 0)
      await source.command('MIGRATE', '127.0.0.1', `${target.port}`, '', '0', '5000', 'KEYS', ...keys)
    for (const node of [target, ...masters]) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', to!)
  }

  /** Resolves when every node that runs says that every slot is served. */
  async untilOk(): Promise<void> {
    for (const node of this.#running)
      await until(async () => (await node.command<string>('CLUSTER', 'INFO')).includes('cluster_state:ok'), PATIENCE)
  }

  /** The names of the keys on all masters that run, sorted. */
  async keys(pattern = '*'): Promise<string[]> {
    const keys: string[] = []
    for (const node of this.#running) {
      const [role] = await node.command<[string]>('ROLE')
      if (role === 'master') keys.push(...(await node.keys(pattern)))
    }
    return keys.sort()
  }

  /** Ends all its nodes for good. */
  async stop(): Promise<void> {
    await Promise.all(
      [...this.nodes, ...this.#proxies].map((one) => (one instanceof TcpProxy ? one.close() : one.stop())),
    )
  }

  get #running(): RedisServer[] {
    return this.nodes.filter(({ isRunning }) => isRunning)
  }

  /** As each that runs sees it. */
  #mastersOf(key: string): Promise<(RedisServer | undefined)[]> {
    return Promise.all(
      this.#running.map(async (witness) => {
        const slot = await witness.command<number>('CLUSTER', 'KEYSLOT', key)
        const ranges = await witness.command<[number, number, [string, number]][]>('CLUSTER', 'SLOTS')
        const port = ranges.find(([first, last]) => first <= slot && slot <= last)?.[2][1]
        return this.nodes.find((node) => node.port === port)
      }),
    )
  }
}

/** Starts a cluster of so many masters; resolves when every node says that it is complete. Who starts it stops it. */
export async function startCluster(masters = 3, options: ClusterOptions = {}): Promise<Cluster> {
  const { replicas = 0, delay = 0 } = options
  // Where no replica could step in, a node that is slow on a busy machine is better not taken for dead.
  const { nodeTimeout = replicas === 0 ? 15_000 : 1500, args = [], isDurable, password } = options
  const node: RedisOptions = {
    ...(isDurable !== undefined && { isDurable }),
    ...(password !== undefined && { password }),
    args: [
      ...['--cluster-enabled', 'yes', '--cluster-node-timeout', `${nodeTimeout}`],
      // However long a replica was without its master, it may step in.
      ...['--cluster-replica-validity-factor', '0'],
      // A replica that has never had a word from its master is not shown to clients.
      ...['--repl-ping-replica-period', '1'],
      ...args,
    ],
  }
  const proxies: TcpProxy[] = []
  const start = async () => {
    if (delay === 0) return startRedis(node)
    let port = 0
    const proxy = await TcpProxy.to(() => port)
    proxies.push(proxy)
    const announced = ['--cluster-announce-port', new URL(proxy.url).port]
    const server = await startRedis({ ...node, args: [...node.args!, ...announced] })
    port = server.port
    return server
  }
  const starts = await Promise.allSettled(Array.from({ length: masters * (1 + replicas) }, start))
  const cluster = new Cluster(
    starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : [])),
    proxies,
  )
  try {
    for (const start of starts) if (start.status === 'rejected') throw start.reason
    await form(cluster, masters)
    for (const proxy of proxies) proxy.delay = delay
    return cluster
  } catch (error) {
    await cluster.stop()
    throw error
  }
}

async function form(cluster: Cluster, masters: number): Promise<void> {
  const { nodes } = cluster
  for (const [index, node] of nodes.entries()) {
    // Different from the first on, or two nodes that claim the same epoch have to settle it first.
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', `${index + 1}`)
    // Each meets each, in place of waiting for the rumour.
    for (const other of nodes.slice(0, index)) await node.command('CLUSTER', 'MEET', '127.0.0.1', `${other.port}`)
  }
  await until(async () => (await Promise.all(nodes.map(acquaintances))).every((n) => n === nodes.length), PATIENCE)
  for (const [index, node] of nodes.entries()) {
    const first = (n: number) => Math.ceil((n * SLOTS) / masters)
    if (index < masters) await node.command('CLUSTER', 'ADDSLOTSRANGE', `${first(index)}`, `${first(index + 1) - 1}`)
    else await node.command('CLUSTER', 'REPLICATE', await nodes[index - masters]!.command('CLUSTER', 'MYID'))
  }
  await cluster.untilOk()
  for (const replica of nodes.slice(masters)) await replica.untilLinked()
  // Only a replica that all know of is voted for.
  const known = (node: RedisServer) => node.command<unknown[][]>('CLUSTER', 'SLOTS')
  const size = 2 + nodes.length / masters
  await until(async () => (await Promise.all(nodes.map(known))).flat().every(({ length }) => length === size), PATIENCE)
}

/** How many nodes it is linked with, itself among them. */
async function acquaintances(node: RedisServer): Promise<number> {
  const lines = (await node.command<string>('CLUSTER', 'NODES')).trim().split('\n')
  return lines.filter((line) => line.includes('myself') || (line.includes(' connected') && !line.includes('handshake')))
    .length
}
