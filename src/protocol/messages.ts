import * as v from 'valibot'
import type { Problem } from './codes.ts'

/** What a message is: the numbers of rtbroadcaster, and 5, which its client passes over. */
export const STATUS = { notConnected: 0, new: 1, join: 2, connected: 3, close: 4, event: 5 } as const

/** Bounds on the fields of a client's message. Characters are UTF-16 units, as `String.length` counts. */
export const LIMITS = {
  funcKey: 128,
  stateKey: 128,
  statusText: 256,
  id: 64,
  ownerKey: 128,
  epoch: 64,
  /** Items of `can`, and characters of each. */
  can: 16,
  /** Items of `funcParams`. */
  funcParams: 256,
  /** Levels of nesting in `funcParams`, itself the first. */
  depth: 32,
  /** Client ids in `to`. */
  to: 1000,
} as const

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** Where in a room's order: the log's epoch, and the seq of the last broadcast. */
export interface Position {
  readonly epoch: string
  readonly seq: number
}

export type Retain = 'latest' | 'append' | 'clear'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function isUuid(text: string): boolean {
  return UUID.test(text)
}

const text = (limit: number) => v.pipe(v.string(), v.maxLength(limit, `is longer than ${limit} characters`))

const name = (limit: number) => v.pipe(text(limit), v.minLength(1, 'is empty'))

const params = v.pipe(
  v.array(v.unknown()),
  v.maxLength(LIMITS.funcParams, `has more than ${LIMITS.funcParams} items`),
  v.transform((value) => value as Json[]),
)

const since = v.object({ epoch: text(LIMITS.epoch), seq: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) })

/** Everything a client may send, in one shape: the five fields of rtbroadcaster, and what roomcast adds. */
export const ClientEnvelope = v.object({
  uuid: v.string(),
  status: v.object({
    value: v.picklist([STATUS.new, STATUS.join, STATUS.connected, STATUS.close]),
    text: text(LIMITS.statusText),
  }),
  funcKey: text(LIMITS.funcKey),
  funcParams: params,
  stateMessage: v.boolean(),

  id: v.optional(
    v.pipe(
      name(LIMITS.id),
      v.check((id) => id.isWellFormed(), 'holds half a surrogate pair'),
    ),
  ),
  stateKey: v.optional(name(LIMITS.stateKey)),
  retain: v.optional(v.picklist(['latest', 'append', 'clear'])),
  to: v.optional(
    v.union([
      v.picklist(['all', 'others', 'self']),
      v.pipe(v.array(name(64)), v.minLength(1, 'is empty'), v.maxLength(LIMITS.to, `has more than ${LIMITS.to} items`)),
    ]),
  ),
  ownerKey: v.optional(name(LIMITS.ownerKey)),
  since: v.optional(since),
  handover: v.optional(name(64)),
  can: v.optional(v.pipe(v.array(text(LIMITS.can)), v.maxLength(LIMITS.can, `has more than ${LIMITS.can} items`)), []),
  taken: v.optional(name(64)),
})

export type ClientEnvelope = v.InferOutput<typeof ClientEnvelope>

/** The same for status 2, of which a crowd sends many at once: what has no meaning there is not looked at. */
export const JoinEnvelope = v.pick(ClientEnvelope, [
  'uuid',
  'status',
  'funcKey',
  'funcParams',
  'stateMessage',
  'since',
  'can',
])

/** What the server will refuse, as the reply to opening and joining says (J3). */
export interface Limits {
  /** Bytes of a message, UTF-8. */
  readonly messageBytes: number
  /** Bytes and entries of a room's stored state. */
  readonly stateBytes: number
  readonly stateEntries: number
}

export type Role = 'owner' | 'listener'

/** The five fields that every message has. */
export interface Envelope {
  readonly uuid: string
  readonly status: { readonly value: number; readonly text: string }
  readonly funcKey: string
  readonly funcParams: readonly Json[]
  readonly stateMessage: boolean
}

/** Status 3 with an empty `funcKey`: you are in (O1, J1, J3). */
export interface Welcome extends Envelope {
  readonly clientId: string
  readonly role: Role
  readonly position: Position
  /** How many messages of replay follow. */
  readonly replay: number
  /** True: exactly what was missed since `since` follows. False: start afresh, the whole state follows. */
  readonly recovered: boolean
  readonly limits: Limits
  /** Only to who opened the room. */
  readonly ownerKey?: string
}

/** Status 3 with a `funcKey`: a broadcast, a replay, a targeted message (no `seq`) or feedback (`from`). */
export interface Broadcast extends Envelope {
  readonly seq?: number
  readonly replay?: true
  readonly stateKey?: string
  readonly retain?: Retain
  /** The listener that sent this feedback. */
  readonly from?: string
}

/** What a status 5 message tells. */
export type RoomEvent =
  | ({ readonly type: 'error'; readonly id?: string } & Problem)
  | { readonly type: 'ack'; readonly id: string; readonly position: Position }
  | {
      /** To the owner: who listens. The lists hold what changed since the last such event, as far as it fits. */
      readonly type: 'listeners'
      readonly count: number
      readonly joined: readonly string[]
      readonly left: readonly string[]
    }
  | {
      readonly type: 'owner'
      readonly here: boolean
      /** The owner before has handed the room to another. */
      readonly handedOver?: true
    }
  | {
      /** To the listener that the owner names: with this key it can take the room over, once. */
      readonly type: 'handover'
      readonly ownerKey: string
    }
  | {
      /** To an owner that has handed the room over: what it is now. */
      readonly type: 'role'
      readonly role: Role
    }
  | {
      /** The server stops; come back at a random moment within so many milliseconds (E3). */
      readonly type: 'goaway'
      readonly retryWithin: number
    }
  | {
      /** This listener read too slowly: how many broadcasts it will never see (R6). */
      readonly type: 'lagged'
      readonly missed: number
      /** True: what follows is the whole state, start afresh; false: only what changed. */
      readonly reset: boolean
      /** How many messages of catching up follow, and where it stands after them. */
      readonly replay: number
      readonly position: Position
    }
  | {
      /** True: this server cannot reach the room's log, so what is shown may be old; false: it is level again. */
      readonly type: 'stale'
      readonly stale: boolean
    }
  | {
      /** To the owner: so many messages of feedback were dropped, since its line was full or they were too many (C7). */
      readonly type: 'feedback_dropped'
      readonly count: number
    }
  | {
      /** To who can: say this nonce, to show that all before it has come (R6). */
      readonly type: 'taken'
      readonly nonce: string
    }
  | { readonly type: 'pong' }

/** Status 5. */
export interface EventMessage extends Envelope {
  readonly event: RoomEvent
}

/** Status 0: refused, or over; the socket closes right after. */
export interface Goodbye extends Envelope {
  readonly event: { readonly type: 'error' } & Problem
}

export type ServerMessage = Welcome | Broadcast | EventMessage | Goodbye
