import { CODES, type EndReason } from '../../protocol/codes.ts'
import type { Retain } from '../../protocol/messages.ts'
import type { Draft, Entry, Presence, Snapshot } from '../../room/ports.ts'

/** Who owns a room, and whether it is here. */
export interface KeptPresence extends Omit<Presence, 'handedOver'> {
  /** The term that the room was last handed over in; 0: in none. */
  readonly handedAt: number
}

export interface PresenceNews extends KeptPresence {
  readonly kind: 'presence'
  /** Which telling is the newest. */
  readonly version: number
}

/** What is published of a room. */
export type News =
  | { readonly kind: 'entry'; readonly record: string }
  | PresenceNews
  | { readonly kind: 'epoch'; readonly epoch: string }
  | { readonly kind: 'ended'; readonly reason: EndReason }

/** How far a room has come, as the log has it. */
export interface Head {
  readonly epoch: string
  readonly seq: number
  readonly presenceVersion: number
}

/** A room's figures, as the log has them. */
export interface Figures extends Head {
  readonly presence: KeptPresence
}

/** What was read of a room. */
export interface Reading {
  readonly figures: Figures
  /** Records; from the seq that was asked for, where the tail covers it. */
  readonly tail: readonly string[]
  /** Of all that is stored; absent where the tail covers what was asked for. */
  readonly state?: readonly string[]
}

interface Header {
  readonly term: number
  readonly id: string | undefined
  readonly key: string | undefined
  readonly retain: Retain | undefined
  readonly echo: true | undefined
  readonly bytes: number
}

/** A draft as the log keeps it, but for the seq and a newline that the log puts before it: a line of JSON, and the body. */
export function textOf({ term, id, state, echo, bytes, body }: Draft): string {
  const header: Header = { term, id, key: state?.key, retain: state?.retain, echo, bytes }
  return `${JSON.stringify(header)}\n${body}`
}

/** `text` is that of a draft. */
export function recordOf(seq: number, text: string): string {
  return `${seq}\n${text}`
}

export function seqOf(record: string): number {
  return Number.parseInt(record, 10)
}

export function entryOf(record: string): Entry {
  const afterSeq = record.indexOf('\n')
  const afterHeader = record.indexOf('\n', afterSeq + 1)
  const { term, id, key, retain, echo, bytes }: Header = JSON.parse(record.slice(afterSeq + 1, afterHeader))
  return {
    seq: seqOf(record),
    term,
    id,
    state: key === undefined ? undefined : { key, retain: retain! },
    echo,
    body: record.slice(afterHeader + 1),
    bytes,
  }
}

/** Reads what was published; throws where that makes no sense. */
export function newsOf(message: string): News {
  if (!message.startsWith('{')) return { kind: 'entry', record: message }
  const news: News = JSON.parse(message)
  if (news.kind === 'presence' && Number.isSafeInteger(news.version) && Number.isSafeInteger(news.term)) return news
  if (news.kind === 'epoch' || (news.kind === 'ended' && news.reason in CODES)) return news
  throw new Error('no news')
}

/** Reads the reply of a script that tells of the owner; undefined where it told of nothing. */
export function presenceOf(reply: unknown): PresenceNews | undefined {
  const isTelling = typeof reply === 'string' && reply.startsWith('{')
  return isTelling ? (newsOf(reply) as PresenceNews) : undefined
}

/** Reads the reply of the script `READ`. */
export function readingOf(reply: unknown): Reading | undefined {
  if (reply === null) return undefined
  const [kept, tail, fields] = reply as [(string | null)[], string[], string[] | undefined]
  const [epoch, seq, term, left, node, handed, version] = kept
  const figures = {
    epoch: epoch!,
    seq: Number(seq),
    presence: { here: left === null, term: Number(term), node: node ?? undefined, handedAt: Number(handed) },
    presenceVersion: Number(version),
  }
  if (fields === undefined) return { figures, tail }
  return { figures, tail, state: fields.filter((_, i) => i % 2 === 1 && !fields[i - 1]!.startsWith('#')) }
}

export function snapshotOf({ figures, tail, state = [] }: Reading): Snapshot {
  const { epoch, seq, presence } = figures
  return {
    epoch,
    seq,
    term: presence.term,
    ownerHere: presence.here,
    ownerNode: presence.node,
    state: state.map(entryOf).sort((a, b) => a.seq - b.seq),
    tail: tail.map(entryOf),
  }
}
