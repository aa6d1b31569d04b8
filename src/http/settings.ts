import * as v from 'valibot'
import { DEFAULT_LIMITS, type RoomLimits } from '../room/limits.ts'

/** The settings that every runtime reads from its environment, each a text. */

/** A whole number. */
export const whole = (fallback: number, min: number, max: number) =>
  v.pipe(
    v.optional(v.string(), String(fallback)),
    v.regex(/^\d+$/, 'must be a whole number'),
    v.toNumber(),
    v.minValue(min, `must be at least ${min}`),
    v.maxValue(max, `must be at most ${max}`),
  )

/** Texts with commas between. */
const list = v.pipe(
  v.optional(v.string(), ''),
  v.transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  ),
)

const isOrigin = (text: string) => URL.canParse(text) && new URL(text).origin === text

/** A star stands for one label or more, below a host that is named. */
function isPattern(text: string): boolean {
  const [below, itself] = ['://star.', '://'].map((host) => text.replace('://*.', host))
  return !itself!.includes('*') && isOrigin(itself!) && isOrigin(below!)
}

const origin = v.check(
  (text: string) => text === '*' || isPattern(text),
  'must be origins such as https://example.org, https://*.example.org for all below that, or * for every one',
)

/** Origins, with commas between. */
export const origins = v.pipe(list, v.array(v.pipe(v.string(), origin)))

const address = v.check(
  (text: string) =>
    /^https?:$/.test(URL.parse(text)?.protocol ?? '') && isOrigin(text.replace(/\/$/, '')) && !text.includes('*'),
  'must be addresses such as https://example.org, without a path',
)

/** The addresses that a server is known by, as origins, with commas between. */
export const publicUrls = v.pipe(
  list,
  v.array(
    v.pipe(
      v.string(),
      address,
      v.transform((text) => new URL(text).origin),
    ),
  ),
)

/** `true` or `false`, the latter where it is not set. */
export const flag = v.pipe(
  v.optional(v.picklist(['true', 'false'], 'must be true or false'), 'false'),
  v.transform((text) => text === 'true'),
)

/** Reads `environment` as `schema` has it. Throws an `Error` whose message names each variable that is wrong, a line each. */
export function readSettings<S extends v.GenericSchema>(schema: S, environment: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, environment)
  if (result.success) return result.output
  throw new Error(result.issues.map((issue) => `${v.getDotPath(issue)} ${issue.message}`).join('\n'))
}

const KIBIBYTE = 1024
const MEBIBYTE = 1024 * KIBIBYTE
const GIBIBYTE = 1024 * MEBIBYTE
const DAY = 86_400

/** The most that a runtime allows; sizes in bytes. */
export type Bounds = Pick<
  RoomLimits,
  'listeners' | 'messageBytes' | 'stateBytes' | 'stateEntries' | 'tailBytes' | 'tailEntries'
>

/** The variables that bound a room, the same on every runtime but for how far they go. */
export const roomVariables = (most: Bounds) => ({
  MAX_LISTENERS: whole(DEFAULT_LIMITS.listeners, 1, most.listeners),
  MESSAGE_BYTES: whole(DEFAULT_LIMITS.messageBytes, 512, most.messageBytes),
  STATE_BYTES: whole(DEFAULT_LIMITS.stateBytes, KIBIBYTE, most.stateBytes),
  STATE_ENTRIES: whole(DEFAULT_LIMITS.stateEntries, 1, most.stateEntries),
  // By the tail a server knows what it has been sent already: it has to be more than an SDK has under way.
  TAIL_BYTES: whole(DEFAULT_LIMITS.tailBytes, MEBIBYTE, most.tailBytes),
  TAIL_ENTRIES: whole(DEFAULT_LIMITS.tailEntries, 512, most.tailEntries),
  GRACE_SECONDS: whole(DEFAULT_LIMITS.grace / 1000, 1, 30 * DAY),
  HANDSHAKE_SECONDS: whole(DEFAULT_LIMITS.handshake / 1000, 1, 300),
  WRITE_DEADLINE_SECONDS: whole(30, 1, 3600),
  FEEDBACK_RATE: whole(DEFAULT_LIMITS.feedbackRate, 1, 10_000),
  FEEDBACK_BYTES: whole(DEFAULT_LIMITS.feedbackBytes, 512, GIBIBYTE),
  BROADCAST_RATE: whole(DEFAULT_LIMITS.broadcastRate, 1, 10_000_000),
  BROADCAST_BYTES: whole(DEFAULT_LIMITS.broadcastBytes, 512, 64 * GIBIBYTE),
})

type RoomVariables = Record<keyof ReturnType<typeof roomVariables>, number>

export function limitsOf(variables: RoomVariables): RoomLimits {
  return {
    messageBytes: variables.MESSAGE_BYTES,
    stateBytes: variables.STATE_BYTES,
    stateEntries: variables.STATE_ENTRIES,
    tailBytes: variables.TAIL_BYTES,
    tailEntries: variables.TAIL_ENTRIES,
    listeners: variables.MAX_LISTENERS,
    highWaterMark: DEFAULT_LIMITS.highWaterMark,
    grace: variables.GRACE_SECONDS * 1000,
    handshake: variables.HANDSHAKE_SECONDS * 1000,
    feedbackRate: variables.FEEDBACK_RATE,
    feedbackBytes: variables.FEEDBACK_BYTES,
    broadcastRate: variables.BROADCAST_RATE,
    broadcastBytes: variables.BROADCAST_BYTES,
  }
}
