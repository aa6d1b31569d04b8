import * as v from 'valibot'
import type { OriginPolicy } from '../http/origin.ts'
import { flag, origins, readSettings, whole } from '../http/settings.ts'
import { DEFAULT_LIMITS, type RoomLimits } from '../room/limits.ts'

const KIBIBYTE = 1024
const MEBIBYTE = 1024 * KIBIBYTE
const DAY = 86_400

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
  ALLOWED_ORIGINS: origins,
  REQUIRE_ORIGIN: flag,
  MAX_LISTENERS: whole(DEFAULT_LIMITS.listeners, 1, SOCKETS - 1),
  MESSAGE_BYTES: whole(DEFAULT_LIMITS.messageBytes, 512, MESSAGE),
  STATE_BYTES: whole(DEFAULT_LIMITS.stateBytes, KIBIBYTE, 8 * MEBIBYTE),
  STATE_ENTRIES: whole(DEFAULT_LIMITS.stateEntries, 1, 100_000),
  TAIL_BYTES: whole(DEFAULT_LIMITS.tailBytes, MEBIBYTE, 8 * MEBIBYTE),
  TAIL_ENTRIES: whole(DEFAULT_LIMITS.tailEntries, 512, 100_000),
  GRACE_SECONDS: whole(DEFAULT_LIMITS.grace / 1000, 1, 30 * DAY),
  HANDSHAKE_SECONDS: whole(DEFAULT_LIMITS.handshake / 1000, 1, 300),
  WRITE_DEADLINE_SECONDS: whole(30, 1, 3600),
  FEEDBACK_RATE: whole(DEFAULT_LIMITS.feedbackRate, 1, 10_000),
})

export interface Config {
  readonly origins: OriginPolicy
  /** Sockets that an object takes, those that have said nothing yet among them. */
  readonly sockets: number
  /** Milliseconds in which a client with a full line has to take something. */
  readonly writeDeadline: number
  readonly limits: RoomLimits
}

/** Throws an `Error` whose message names each variable that is wrong, a line each. */
export function readConfig(environment: object): Config {
  const env = readSettings(Variables, environment)
  return {
    origins: { allowed: env.ALLOWED_ORIGINS, allowNone: !env.REQUIRE_ORIGIN },
    sockets: SOCKETS,
    writeDeadline: env.WRITE_DEADLINE_SECONDS * 1000,
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
