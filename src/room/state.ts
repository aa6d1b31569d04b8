import { replayText } from '../protocol/codec.ts'
import { Batch, weightOfAll } from './batch.ts'
import { RoomError } from './errors.ts'
import type { Draft, Entry } from './ports.ts'
import { ENTRY_WEIGHT, textWeight } from './weight.ts'

/** What a room may store (R3). `stateBytes` counts the UTF-8 bytes of the stored messages. */
export interface StateLimits {
  readonly stateBytes: number
  readonly stateEntries: number
}

/** Throws `state_full` where a state of so many entries and bytes is over a limit (R3). */
export function checkState(limits: StateLimits, entries: number, bytes: number): void {
  if (entries > limits.stateEntries) throw stateFull(limits, 'entries')
  if (bytes > limits.stateBytes) throw stateFull(limits, 'bytes')
}

/** The refusal of what would be too many of that (R3). */
export function stateFull({ stateEntries, stateBytes }: StateLimits, of: 'entries' | 'bytes'): RoomError {
  const limit = of === 'entries' ? stateEntries : stateBytes
  const message = `the room's state is full: at most ${limit} ${of}`
  return new RoomError('state_full', message, { field: 'stateMessage', limit })
}

/**
 * Clears kept for listeners that fell behind, each the newest under its key, and no more bytes of them than of state; who
 * needs an older one starts afresh.
 */
const CLEARS = 1000

/** Which of what is stored a replay has: what came after one seq and up to another, and the clears that came after a third. */
export interface Range {
  readonly after: number
  readonly upTo: number
  readonly clearsAfter: number
}

/** Some messages of a replay; `last` is the seq of the last one. */
export interface Piece {
  readonly batch: Batch
  readonly last: number
}

interface Kept {
  readonly seq: number
  /** A `clear` is kept for those who are behind; who comes late has nothing to forget. */
  readonly isClear: boolean
  /** Undefined: superseded. Let go at once, however long its place in the order stays. */
  entry: Entry | undefined
}

/** What is stored of a room: per key the newest, or all that were appended; in the order of seq (R1, R2). */
export class State {
  readonly #limits: StateLimits
  #kept: Kept[] = []
  #superseded = 0
  readonly #byKey = new Map<string, Kept[]>()
  /** In the order of seq. */
  readonly #clears = new Set<Kept>()
  #clearBytes = 0
  /** A listener that stands before this seq may have missed a clear that is forgotten. */
  #clearsForgotten: number
  #entries = 0
  #bytes = 0
  #weight = 0
  /** How often something was dropped that somebody may have been about to be sent. */
  #drops = 0
  /** Pieces of replay by their range, until the state changes: many come at once. */
  readonly #pieces = new Map<string, Piece>()
  /** Characters of them. */
  #pieced = 0

  /** `entries` in the order of seq, `seq` the room's: what a log has stored. */
  constructor(limits: StateLimits, entries: readonly Entry[] = [], seq = 0) {
    this.#limits = limits
    this.#clearsForgotten = seq
    for (const entry of entries) this.apply(entry)
  }

  /** Forgets what was made for those who came together. */
  economize(): void {
    this.#forgetPieces()
  }

  /** Bytes of memory that it takes. */
  get weight(): number {
    return this.#weight + weightOfAll(this.#pieces)
  }

  /** Throws `state_full` where storing `draft` would pass a limit. A clear always fits. */
  check(draft: Draft): void {
    const { state, bytes } = draft
    if (state === undefined || state.retain === 'clear') return
    const replaced = state.retain === 'latest' ? this.#stored(state.key) : NOTHING
    checkState(this.#limits, this.#entries - replaced.entries + 1, this.#bytes - replaced.bytes + bytes)
  }

  /** Whether storing `draft` would take more bytes than are stored now. */
  grows({ state, bytes }: Draft): boolean {
    if (state === undefined || state.retain === 'clear') return false
    return state.retain === 'append' || bytes > this.#stored(state.key).bytes
  }

  /** Takes in a broadcast of the log; one that is no state changes nothing. */
  apply(entry: Entry): void {
    if (entry.state === undefined) return
    const { key, retain } = entry.state
    const kept: Kept = { seq: entry.seq, isClear: retain === 'clear', entry }
    const siblings = this.#byKey.get(key)
    if (retain === 'append' && siblings !== undefined) siblings.push(kept)
    else {
      for (const replaced of siblings ?? []) this.#drop(replaced)
      this.#byKey.set(key, [kept])
    }
    this.#kept.push(kept)
    this.#weight += weightOf(entry)
    if (kept.isClear) this.#rememberClear(kept, entry)
    else {
      this.#entries++
      this.#bytes += entry.bytes
    }
    this.#forgetPieces()
    this.#compact()
  }

  /** Entries that are stored. */
  get size(): number {
    return this.#entries
  }

  /** Grows whenever there is less in some range than there was. */
  get drops(): number {
    return this.#drops
  }

  /** False: of what was cleared since `seq`, some is forgotten, so who stands there has to start afresh. */
  knowsClearsSince(seq: number): boolean {
    return seq >= this.#clearsForgotten
  }

  /** How many messages a replay of `range` has. */
  count(range: Range): number {
    let count = 0
    for (const _ of this.#within(range)) count++
    return count
  }

  /** The first messages of a replay of `range`, about `limit` characters. */
  piece(range: Range, limit: number): Piece {
    // What is broadcast and not stored moves the end of a range, and changes nothing in it.
    const upTo = Math.min(range.upTo, this.#kept.at(-1)?.seq ?? 0)
    const key = `${range.after}-${upTo}-${Math.min(range.clearsAfter, upTo)}`
    const made = this.#pieces.get(key)
    if (made !== undefined) return made
    const texts: string[] = []
    let [last, size] = [range.after, 0]
    for (const { seq, body } of this.#within(range)) {
      const text = replayText(seq, body)
      texts.push(text)
      last = seq
      size += text.length
      if (size >= limit) break
    }
    const piece = { batch: new Batch(texts), last }
    // Of clients that are at different places each has pieces of its own: they are not kept beyond what all is twice over.
    if (this.#pieced > 2 * this.#bytes) this.#forgetPieces()
    this.#pieces.set(key, piece)
    this.#pieced += size
    return piece
  }

  /** In the order of seq. */
  *#within({ after, upTo, clearsAfter }: Range): Generator<Entry> {
    for (let i = this.#firstAfter(after); i < this.#kept.length; i++) {
      const { entry, isClear, seq } = this.#kept[i]!
      if (seq > upTo) return
      if (entry !== undefined && (!isClear || seq > clearsAfter)) yield entry
    }
  }

  /** The index of the first that came after `seq`. */
  #firstAfter(seq: number): number {
    let [low, high] = [0, this.#kept.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#kept[middle]!.seq <= seq) low = middle + 1
      else high = middle
    }
    return low
  }

  /** What is stored, in the order of seq. */
  entries(): Entry[] {
    const entries: Entry[] = []
    for (const { entry, isClear } of this.#kept) if (entry !== undefined && !isClear) entries.push(entry)
    return entries
  }

  #forgetPieces(): void {
    this.#pieces.clear()
    this.#pieced = 0
  }

  #stored(key: string): { readonly entries: number; readonly bytes: number } {
    let entries = 0
    let bytes = 0
    for (const { entry, isClear } of this.#byKey.get(key) ?? []) {
      if (entry === undefined || isClear) continue
      entries++
      bytes += entry.bytes
    }
    return { entries, bytes }
  }

  #rememberClear(clear: Kept, { bytes }: Entry): void {
    this.#clears.add(clear)
    this.#clearBytes += bytes
    for (const oldest of this.#clears) {
      if (this.#clears.size <= CLEARS && this.#clearBytes <= this.#limits.stateBytes) return
      this.#forgetClear(oldest)
    }
  }

  #forgetClear(clear: Kept): void {
    this.#clearsForgotten = clear.seq
    const { key } = clear.entry!.state!
    // It stands before all that was appended since.
    const [, ...rest] = this.#byKey.get(key)!
    if (rest.length === 0) this.#byKey.delete(key)
    else this.#byKey.set(key, rest)
    this.#drop(clear)
  }

  #drop(kept: Kept): void {
    const entry = kept.entry!
    kept.entry = undefined
    this.#superseded++
    this.#drops++
    this.#weight -= weightOf(entry)
    if (this.#clears.delete(kept)) {
      this.#clearBytes -= entry.bytes
      return
    }
    this.#entries--
    this.#bytes -= entry.bytes
  }

  /** Taking one out of the middle would move all the others each time: the superseded go by the half. */
  #compact(): void {
    if (this.#superseded * 2 <= this.#kept.length) return
    this.#kept = this.#kept.filter(({ entry }) => entry !== undefined)
    this.#superseded = 0
  }
}

const NOTHING = { entries: 0, bytes: 0 }

function weightOf({ body, bytes }: Entry): number {
  return ENTRY_WEIGHT + textWeight(body, bytes)
}
