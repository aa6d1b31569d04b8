import * as v from 'valibot'
import { flag, origins, readSettings, whole } from '../http/settings.ts'
import { DEFAULT_LIMITS, type RoomLimits } from '../room/limits.ts'
import type { Synchronous } from './sqlite-driver.ts'

const MEBIBYTE = 1024 * 1024
const DAY = 86_400

/** Every environment variable there is; the README's table says what each is for. */
const Environment = v.object({
  PORT: whole(8080, 0, 65_535),
  HOST: v.optional(v.pipe(v.string(), v.nonEmpty('must not be empty')), '0.0.0.0'),
  ALLOWED_ORIGINS: origins,
  REQUIRE_ORIGIN: flag,
  LOG: v.optional(v.picklist(['sqlite', 'memory'], 'must be sqlite or memory'), 'sqlite'),
  DATA_DIR: v.optional(v.pipe(v.string(), v.nonEmpty('must not be empty')), 'data'),
  SYNCHRONOUS: v.optional(v.picklist(['normal', 'full'], 'must be normal or full'), 'normal'),
  MAX_ROOMS: whole(10_000, 1, 10_000_000),
  MAX_LISTENERS: whole(DEFAULT_LIMITS.listeners, 1, 1_000_000),
  MAX_CONNECTIONS: whole(50_000, 1, 1_000_000),
  MESSAGE_BYTES: whole(DEFAULT_LIMITS.messageBytes, 512, 16 * MEBIBYTE),
  STATE_BYTES: whole(DEFAULT_LIMITS.stateBytes, 1024, 256 * MEBIBYTE),
  STATE_ENTRIES: whole(DEFAULT_LIMITS.stateEntries, 1, 1_000_000),
  // By the tail a server knows what it has been sent already: it has to be more than an SDK has under way.
  TAIL_BYTES: whole(DEFAULT_LIMITS.tailBytes, MEBIBYTE, 256 * MEBIBYTE),
  TAIL_ENTRIES: whole(DEFAULT_LIMITS.tailEntries, 512, 1_000_000),
  GRACE_SECONDS: whole(DEFAULT_LIMITS.grace / 1000, 1, 30 * DAY),
  HANDSHAKE_SECONDS: whole(DEFAULT_LIMITS.handshake / 1000, 1, 300),
  WRITE_DEADLINE_SECONDS: whole(30, 1, 3600),
  PING_SECONDS: whole(30, 1, 3600),
  FEEDBACK_RATE: whole(DEFAULT_LIMITS.feedbackRate, 1, 10_000),
})

export interface Config {
  readonly port: number
  readonly host: string
  readonly allowedOrigins: readonly string[]
  readonly requireOrigin: boolean
  readonly log: 'sqlite' | 'memory'
  /** Where the SQLite log has its file; made when it is not there. */
  readonly dataDir: string
  readonly synchronous: Synchronous
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
    allowedOrigins: env.ALLOWED_ORIGINS,
    requireOrigin: env.REQUIRE_ORIGIN,
    log: env.LOG,
    dataDir: env.DATA_DIR,
    synchronous: env.SYNCHRONOUS,
    maxRooms: env.MAX_ROOMS,
    maxConnections: env.MAX_CONNECTIONS,
    writeDeadline: env.WRITE_DEADLINE_SECONDS * 1000,
    pingInterval: env.PING_SECONDS * 1000,
    limits: {
      messageBytes: env.MESSAGE_BYTES,
      stateBytes: env.STATE_BYTES,
      stateEntries: env.STATE_ENTRIES,
      tailBytes: env.TAIL_BYTES,
      tailEntries: env.TAIL_ENTRIES,
      listeners: env.MAX_LISTENERS,
      highWaterMark: DEFAULT_LIMITS.highWaterMark,
      grace: env.GRACE_SECONDS * 1000,
      handshake: env.HANDSHAKE_SECONDS * 1000,
      feedbackRate: env.FEEDBACK_RATE,
    },
  }
}
