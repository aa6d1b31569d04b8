import { type RedisServer, startRedis } from '../support/redis/server.ts'
import { pinned } from './children.ts'
import { cores } from './cores.ts'

/** When what is written is on the disk: before it is answered, or within a second. */
export type Fsync = 'always' | 'everysec'

/** What a Redis has done since its start, by its own count. */
export interface RedisCounts {
  /** Seconds of processor time, of all its threads. */
  readonly cpu: number
  readonly scripts: number
  readonly scriptSeconds: number
  readonly publishes: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** A Redis that is measured. */
export interface CountedRedis {
  readonly url: string
  readonly pid: number
  counts(): Promise<RedisCounts>
  /** How many nodes hear what is published of the rooms, of one after the other in no order. */
  hearers(): Promise<number[]>
  end(): Promise<void>
}

/** Redis pins itself, its threads as well. */
const pinning = ['server', 'bio', 'aof_rewrite', 'bgsave'].flatMap((which) => [`--${which}_cpulist`, `${cores.redis}`])

/** Starts a Redis on the core that is its own. Who starts it ends it. */
export async function startCountedRedis(fsync: Fsync): Promise<CountedRedis> {
  const server = await startRedis({ args: ['--appendfsync', fsync, ...(pinned ? pinning : [])] }).catch(explain)
  const client = await server.connect()
  const ask = <T>(...words: string[]) => client.sendCommand<T>(words)
  return {
    url: server.url,
    pid: pidOf(server),
    counts: async () => countsOf(await ask('INFO', 'cpu', 'stats', 'commandstats')),
    async hearers() {
      const channels = await ask<string[]>('PUBSUB', 'SHARDCHANNELS', '*:news')
      const pairs = await ask<(string | number)[]>('PUBSUB', 'SHARDNUMSUB', ...channels)
      return channels.map((_, i) => Number(pairs[2 * i + 1]))
    },
    async end() {
      client.destroy()
      await server.stop()
    },
  }
}

function explain(error: NodeJS.ErrnoException): never {
  if (error.code !== 'ENOENT') throw error
  throw new Error('redis-server is missing: what is measured with Redis needs it (Debian: apt install redis-server)')
}

function pidOf({ pid }: RedisServer): number {
  if (pid === undefined) throw new Error('the Redis has ended')
  return pid
}

/** Reads `INFO`: of lines `name:value`, where a command's value is `calls=…,usec=…`. */
function countsOf(info: string): RedisCounts {
  const values = new Map(info.split('\r\n').map((line) => line.split(':', 2) as [string, string]))
  const read = (name: string) => Number(values.get(name) ?? 0)
  const ofCommand = (name: string, what: string) =>
    Number(new RegExp(`\\b${what}=(\\d+)`).exec(values.get(`cmdstat_${name}`) ?? '')?.[1] ?? 0)
  return {
    cpu: read('used_cpu_user') + read('used_cpu_sys'),
    scripts: ofCommand('evalsha', 'calls'),
    scriptSeconds: ofCommand('evalsha', 'usec') / 1e6,
    publishes: ofCommand('spublish', 'calls'),
    bytesIn: read('total_net_input_bytes'),
    bytesOut: read('total_net_output_bytes'),
  }
}
