import * as v from 'valibot'
import type { Problem } from './codes.ts'
import {
  ClientEnvelope,
  type Envelope,
  type EventMessage,
  type Goodbye,
  JoinEnvelope,
  type Json,
  LIMITS,
  type Position,
  type Retain,
  type RoomEvent,
  type ServerMessage,
  STATUS,
  type Welcome,
} from './messages.ts'

/** A client's message, told apart by what it asks for. */
export type Request =
  | Entrance
  /** What the client was sent to show that it has taken all before (R6). */
  | { readonly kind: 'taken'; readonly nonce: string }
  | ({ readonly kind: 'say' } & Saying)
  | { readonly kind: 'hand over'; readonly uuid: string; readonly to: string; readonly id: string | undefined }
  | { readonly kind: 'close'; readonly uuid: string }

/** The ways into a room. `can`: what the client can, beyond what every client does. */
export type Entrance = { readonly can: readonly string[] } & (
  | { readonly kind: 'open' }
  | {
      readonly kind: 'take back'
      readonly uuid: string
      readonly ownerKey: string
      readonly since: Position | undefined
    }
  | { readonly kind: 'join'; readonly uuid: string; readonly since: Position | undefined }
)

/** Status 3: a broadcast when the owner says it, feedback when a listener does. */
export interface Saying {
  readonly uuid: string
  readonly funcKey: string
  readonly funcParams: readonly Json[]
  /** Stored under `key`; absent for a plain broadcast. */
  readonly state: { readonly key: string; readonly retain: Retain; readonly stateKey: string | undefined } | undefined
  readonly to: 'all' | 'others' | 'self' | readonly string[]
  readonly id: string | undefined
}

export type Decoded =
  | { readonly ok: true; readonly request: Request }
  | { readonly ok: false; readonly problem: Problem; readonly id?: string }

/** Reads a client's text frame. Never throws; what is wrong is one problem that names the field. */
export function decode(text: string): Decoded {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { ok: false, problem: { code: 'bad_json', message: 'the message is not JSON' } }
  }
  const schema = isJoin(json) ? JoinEnvelope : ClientEnvelope
  const result = v.safeParse(schema, mendSpelling(json), { abortEarly: true })
  if (!result.success) return { ok: false, problem: problemOf(result.issues[0]), ...idOf(json) }
  return requestOf(result.output)
}

function isJoin(json: unknown): boolean {
  return (json as { status?: { value?: unknown } } | null)?.status?.value === STATUS.join
}

/**
 * rtbroadcaster's browser client of 2017 sends `sateMessage` where its own server, and this protocol, read
 * `stateMessage`. Without this, none of its broadcasts would be of the right shape.
 */
function mendSpelling(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return json
  if ('stateMessage' in json || !('sateMessage' in json)) return json
  return { ...json, stateMessage: json.sateMessage }
}

function requestOf(message: ClientEnvelope): Decoded {
  const { uuid, can } = message
  switch (message.status.value) {
    case STATUS.new:
      if (uuid === '') return request({ kind: 'open', can })
      if (message.ownerKey === undefined) return refuse('ownerKey', 'is missing: it is what takes a room back')
      return request({ kind: 'take back', uuid, ownerKey: message.ownerKey, since: message.since, can })
    case STATUS.join:
      return request({ kind: 'join', uuid, since: message.since, can })
    case STATUS.close:
      return request({ kind: 'close', uuid })
    case STATUS.connected:
      if (message.taken !== undefined) return request({ kind: 'taken', nonce: message.taken })
      if (message.handover === undefined) return saying(message)
      return request({ kind: 'hand over', uuid, to: message.handover, id: message.id })
  }
}

function saying(message: ClientEnvelope): Decoded {
  const { uuid, funcKey, funcParams, stateMessage, stateKey, retain = 'latest', to = 'others', id } = message
  if (funcKey === '') return refuse('funcKey', 'is empty: name the action', id)
  if (stateMessage && (to === 'self' || Array.isArray(to))) {
    return refuse('to', 'names single clients, and a state message is for all of the room', id)
  }
  if (!stateMessage && message.retain !== undefined) {
    return refuse('retain', 'needs stateMessage: true', id)
  }
  if (isDeeperThan(funcParams, LIMITS.depth)) {
    return refuse('funcParams', `is nested more than ${LIMITS.depth} levels deep`, id, LIMITS.depth)
  }
  const state = stateMessage ? { key: JSON.stringify([funcKey, stateKey ?? null]), retain, stateKey } : undefined
  return request({ kind: 'say', uuid, funcKey, funcParams, state, to, id })
}

function request(request: Request): Decoded {
  return { ok: true, request }
}

function refuse(field: string, message: string, id?: string, limit?: number): Decoded {
  return { ok: false, problem: badMessage(field, message, limit), ...(id !== undefined && { id }) }
}

function badMessage(field: string, message: string, limit: number | undefined): Problem {
  return { code: 'bad_message', field, message: `${field} ${message}`, ...(limit !== undefined && { limit }) }
}

function problemOf(issue: v.BaseIssue<unknown>): Problem {
  const field = issue.path?.map((step) => String(step.key)).join('.') || 'message'
  const limit = issue.type === 'max_length' ? (issue.requirement as number) : undefined
  return badMessage(field, complaint(issue), limit)
}

function complaint(issue: v.BaseIssue<unknown>): string {
  if (issue.type.endsWith('_length') || issue.type === 'check') return issue.message
  if (issue.received === 'undefined') return 'is missing'
  return `must be ${issue.expected}, not ${shorten(issue.received)}`
}

/** What was received is quoted from outside input: a long one is cut. */
function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/** Iterative, since the input is from outside and the stack is not. */
function isDeeperThan(value: unknown, levels: number): boolean {
  let layer = [value].filter(isContainer)
  for (let depth = 1; layer.length > 0; depth++) {
    if (depth > levels) return true
    layer = layer.flatMap((container) => Object.values(container).filter(isContainer))
  }
  return false
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** A refused message's own id, so that the error can say which it answers. */
function idOf(json: unknown): { id?: string } {
  const id = v.safeParse(v.object({ id: v.pipe(v.string(), v.minLength(1), v.maxLength(64)) }), json)
  return id.success ? { id: id.output.id } : {}
}

export function encode(message: ServerMessage): string {
  return JSON.stringify(message)
}

/**
 * A broadcast without its `seq`, which the log gives: what `broadcastText` completes. The log stores it as it is, and
 * needs to understand nothing of it.
 */
export function encodeBody(said: Saying): string {
  const { uuid, funcKey, funcParams, state } = said
  const message = {
    ...envelope(uuid, STATUS.connected, 'connected'),
    funcKey,
    funcParams,
    stateMessage: state !== undefined,
    ...(state?.stateKey !== undefined && { stateKey: state.stateKey }),
    ...(state !== undefined && state.retain !== 'latest' && { retain: state.retain }),
  }
  return JSON.stringify(message).slice(1)
}

/** By how much a body may be longer than the message that it was said in: the text of its status, without the brace. */
export const BODY_BYTES = 'connected'.length - 1

/** The text of a broadcast on the wire. */
export function broadcastText(seq: number, body: string): string {
  return `{"seq":${seq},${body}`
}

/** The same broadcast, replayed to who comes late (R2). */
export function replayText(seq: number, body: string): string {
  return `{"seq":${seq},"replay":true,${body}`
}

/** A message to named clients: no seq, and never stored (C4). */
export function targetedText(body: string): string {
  return `{${body}`
}

/** What a listener says, as its owner hears it. */
export function feedbackText(from: string, body: string): string {
  return `{"from":${JSON.stringify(from)},${body}`
}

export function welcome(uuid: string, fields: Omit<Welcome, keyof Envelope>): Welcome {
  return { ...envelope(uuid, STATUS.connected, 'connected'), ...fields }
}

export function event(uuid: string, event: RoomEvent): EventMessage {
  return { ...envelope(uuid, STATUS.event, event.type), event }
}

export function goodbye(uuid: string, problem: Problem): Goodbye {
  return { ...envelope(uuid, STATUS.notConnected, problem.message), event: { type: 'error', ...problem } }
}

function envelope(uuid: string, value: number, text: string): Envelope {
  return { uuid, status: { value, text }, funcKey: '', funcParams: [], stateMessage: false }
}
