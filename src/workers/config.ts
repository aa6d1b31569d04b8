import * as v from 'valibot'
import type { OriginPolicy } from '../http/origin.ts'
import { flag, limitsOf, origins, publicUrls, readSettings, roomVariables, whole } from '../http/settings.ts'
import type { RoomLimits } from '../room/limits.ts'

const MEBIBYTE = 1024 * 1024

/**
 * Sockets that one object holds at most; one of them is the owner's, and some have not yet joined
 * (developers.cloudflare.com/durable-objects/api/state, acceptWebSocket).
 */
const SOCKETS = 32_768

/**
 * A row of SQLite holds 2 MB (developers.cloudflare.com/durable-objects/platform/limits): half of that is a message, so
 * that the envelope, the key and the id have room beside it. It was the bound on a WebSocket's message, too.
 */
const MESSAGE = MEBIBYTE

/** Every variable of wrangler.toml. The bounds keep one room within an object's 128 MB of memory. */
const Variables = v.object({
  PUBLIC_URL: publicUrls,
  ALLOWED_ORIGINS: origins,
  REQUIRE_ORIGIN: flag,
  MEMORY_BYTES: whole(64 * MEBIBYTE, 16 * MEBIBYTE, 96 * MEBIBYTE),
  ...roomVariables({
    listeners: SOCKETS - 1,
    messageBytes: MESSAGE,
    stateBytes: 8 * MEBIBYTE,
    stateEntries: 100_000,
    tailBytes: 8 * MEBIBYTE,
    tailEntries: 100_000,
  }),
})

export interface Config {
  readonly origins: OriginPolicy
  /** Sockets that an object takes, those that have said nothing yet among them. */
  readonly sockets: number
  /** Milliseconds in which a client with a full line has to take something. */
  readonly writeDeadline: number
  /** What the room of an object may hold in memory. */
  readonly memoryBytes: number
  readonly limits: RoomLimits
}

/** Throws an `Error` whose message names each variable that is wrong, a line each. */
export function readConfig(environment: object): Config {
  const env = readSettings(Variables, environment)
  return {
    origins: {
      allowed: env.ALLOWED_ORIGINS,
      own: env.PUBLIC_URL,
      // A request reaches a Worker by a route or a domain of its account only.
      hostFrom: 'platform',
      allowNone: !env.REQUIRE_ORIGIN,
    },
    sockets: SOCKETS,
    writeDeadline: env.WRITE_DEADLINE_SECONDS * 1000,
    memoryBytes: env.MEMORY_BYTES,
    limits: limitsOf(env),
  }
}
