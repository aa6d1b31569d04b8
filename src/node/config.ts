import * as v from 'valibot'
import { flag, limitsOf, origins, publicUrls, readSettings, roomVariables, whole } from '../http/settings.ts'
import type { RoomLimits } from '../room/limits.ts'
import { defaultMemory } from './memory.ts'
import type { Synchronous } from './sqlite-driver.ts'

const MEBIBYTE = 1024 * 1024

/** One URL of Redis or more, with commas between; none: undefined. */
const redisUrls = v.pipe(
  v.optional(v.string(), ''),
  v.transform((text) => text.split(',').map((url) => url.trim())),
  v.check(
    (urls) => urls.join('') === '' || urls.every((url) => /^rediss?:$/.test(URL.parse(url)?.protocol ?? '')),
    'must be redis://host:port or rediss://host:port, or several of a cluster with commas between',
  ),
  v.transform(([first, ...more]) => (first ? ([first, ...more] as const) : undefined)),
)

/** Every environment variable there is; the README's table says what each is for. */
const Environment = v.object({
  PORT: whole(8080, 0, 65_535),
  HOST: v.optional(v.pipe(v.string(), v.nonEmpty('must not be empty')), '0.0.0.0'),
  PUBLIC_URL: publicUrls,
  ALLOWED_ORIGINS: origins,
  REQUIRE_ORIGIN: flag,
  LOG: v.optional(v.picklist(['sqlite', 'memory'], 'must be sqlite or memory')),
  DATA_DIR: v.optional(v.pipe(v.string(), v.nonEmpty('must not be empty')), 'data'),
  SYNCHRONOUS: v.optional(v.picklist(['normal', 'full'], 'must be normal or full'), 'normal'),
  REDIS_URL: redisUrls,
  REDIS_CLUSTER: flag,
  REDIS_PREFIX: v.optional(
    v.pipe(v.string(), v.regex(/^[\w:.-]{0,64}$/, 'must be at most 64 letters, digits or any of _ : . -')),
    'roomcast:',
  ),
  REDIS_START: v.optional(v.picklist(['wait', 'exit'], 'must be wait or exit'), 'wait'),
  REDIS_INGEST: flag,
  MEMORY_BYTES: v.optional(whole(0, 16 * MEBIBYTE, Number.MAX_SAFE_INTEGER)),
  DISK_BYTES: whole(10 * 1024 * MEBIBYTE, 16 * MEBIBYTE, Number.MAX_SAFE_INTEGER),
  MAX_ROOMS: whole(10_000, 1, 10_000_000),
  MAX_CONNECTIONS: whole(50_000, 1, 1_000_000),
  PING_SECONDS: whole(30, 1, 3600),
  ...roomVariables({
    listeners: 1_000_000,
    messageBytes: 16 * MEBIBYTE,
    stateBytes: 256 * MEBIBYTE,
    stateEntries: 1_000_000,
    tailBytes: 256 * MEBIBYTE,
    tailEntries: 1_000_000,
  }),
})

export interface RedisConfig {
  readonly urls: readonly [string, ...string[]]
  readonly isCluster: boolean
  /** What all keys and channels begin with. */
  readonly prefix: string
  /** When Redis cannot be reached at the start: wait for it, or exit. */
  readonly start: 'wait' | 'exit'
  /** Whether broadcasts are taken from its channels. */
  readonly ingest: boolean
}

export interface Config {
  readonly port: number
  readonly host: string
  /** Origins that the server's own pages have; none: it is known by addresses and localhost alone. */
  readonly publicUrls: readonly string[]
  readonly allowedOrigins: readonly string[]
  readonly requireOrigin: boolean
  readonly log: 'sqlite' | 'memory' | 'redis'
  /** For the log `redis` only. */
  readonly redis: RedisConfig | undefined
  /** Where the SQLite log has its file; made when it is not there. */
  readonly dataDir: string
  readonly synchronous: Synchronous
  /** What all rooms and queues may hold in memory together. */
  readonly memoryBytes: number
  /** What all rooms may store together; of the log `sqlite` only. */
  readonly diskBytes: number
  readonly maxRooms: number
  readonly maxConnections: number
  /** Milliseconds in which a line has to take something of what is written to it. */
  readonly writeDeadline: number
  /** Milliseconds between two pings. */
  readonly pingInterval: number
  readonly limits: RoomLimits
}

/** Throws an `Error` whose message names each variable that is wrong, a line each. */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const env = readSettings(Environment, environment)
  return {
    port: env.PORT,
    host: env.HOST,
    publicUrls: env.PUBLIC_URL,
    allowedOrigins: env.ALLOWED_ORIGINS,
    requireOrigin: env.REQUIRE_ORIGIN,
    ...logOf(env),
    dataDir: env.DATA_DIR,
    synchronous: env.SYNCHRONOUS,
    memoryBytes: env.MEMORY_BYTES ?? defaultMemory(),
    diskBytes: env.DISK_BYTES,
    maxRooms: env.MAX_ROOMS,
    maxConnections: env.MAX_CONNECTIONS,
    writeDeadline: env.WRITE_DEADLINE_SECONDS * 1000,
    pingInterval: env.PING_SECONDS * 1000,
    limits: limitsOf(env),
  }
}

function logOf(env: v.InferOutput<typeof Environment>): Pick<Config, 'log' | 'redis'> {
  const { REDIS_URL: urls, LOG } = env
  if (urls === undefined) return { log: LOG ?? 'sqlite', redis: undefined }
  if (LOG !== undefined) throw new Error('LOG must not be set beside REDIS_URL: with that, the rooms are in Redis')
  return {
    log: 'redis',
    redis: {
      urls,
      isCluster: env.REDIS_CLUSTER || urls.length > 1,
      prefix: env.REDIS_PREFIX,
      start: env.REDIS_START,
      ingest: env.REDIS_INGEST,
    },
  }
}
