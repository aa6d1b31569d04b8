import { replayText } from '../protocol/codec.ts'
import { Batch } from './batch.ts'
import { RoomError } from './errors.ts'
import type { Draft, Entry } from './ports.ts'

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

/** Clears remembered for listeners that fell behind; who needs an older one starts afresh. */
const CLEARS = 1000

interface Kept {
  readonly entry: Entry
  /** A `clear` is kept for those who are behind; who comes late has nothing to forget. */
  readonly isClear: boolean
  dropped: boolean
}

/** What is stored of a room: per key the newest, or all that were appended; in the order of seq (R1, R2). */
export class State {
  readonly #limits: StateLimits
  #kept: Kept[] = []
  #droppedCount = 0
  readonly #byKey = new Map<string, Kept[]>()
  readonly #clears: Kept[] = []
  /** A listener that stands before this seq may have missed a clear that is forgotten. */
  #clearsForgotten: number
  #entries = 0
  #bytes = 0
  #replay: Batch | undefined

  /** `entries` in the order of seq, `seq` the room's: what a log has stored. */
  constructor(limits: StateLimits, entries: readonly Entry[] = [], seq = 0) {
    this.#limits = limits
    this.#clearsForgotten = seq
    for (const entry of entries) this.apply(entry)
  }

  /** Throws `state_full` where storing `draft` would pass a limit. A clear always fits. */
  check(draft: Draft): void {
    const { state, bytes } = draft
    if (state === undefined || state.retain === 'clear') return
    const replaced = state.retain === 'latest' ? this.#stored(state.key) : []
    const entries = this.#entries - replaced.length + 1
    checkState(this.#limits, entries, this.#bytes - bytesOf(replaced) + bytes)
  }

  /** Takes in a broadcast of the log; one that is no state changes nothing. */
  apply(entry: Entry): void {
    if (entry.state === undefined) return
    const { key, retain } = entry.state
    const kept: Kept = { entry, isClear: retain === 'clear', dropped: false }
    const siblings = this.#byKey.get(key)
    if (retain === 'append' && siblings !== undefined) siblings.push(kept)
    else {
      for (const replaced of siblings ?? []) this.#drop(replaced)
      this.#byKey.set(key, [kept])
    }
    this.#kept.push(kept)
    if (kept.isClear) this.#rememberClear(kept)
    else {
      this.#entries++
      this.#bytes += entry.bytes
    }
    this.#replay = undefined
    this.#compact()
  }

  /** What is stored, for who comes late. Made once, and kept until the state changes. */
  replay(): Batch {
    this.#replay ??= new Batch(this.entries().map(({ seq, body }) => replayText(seq, body)))
    return this.#replay
  }

  /** What is stored, in the order of seq. */
  entries(): Entry[] {
    return this.#kept.filter((kept) => !kept.dropped && !kept.isClear).map((kept) => kept.entry)
  }

  /**
   * What has changed for a listener that has seen all up to `seq`: the newest of each key, and the clears. Undefined
   * when that is no longer known, and it has to start afresh.
   */
  changedSince(seq: number): Entry[] | undefined {
    if (seq < this.#clearsForgotten) return undefined
    const changed: Entry[] = []
    for (let i = this.#kept.length - 1; i >= 0; i--) {
      const kept = this.#kept[i]!
      if (kept.entry.seq <= seq) break
      if (!kept.dropped) changed.push(kept.entry)
    }
    return changed.reverse()
  }

  #stored(key: string): Kept[] {
    return (this.#byKey.get(key) ?? []).filter((kept) => !kept.isClear)
  }

  #rememberClear(clear: Kept): void {
    this.#clears.push(clear)
    if (this.#clears.length <= CLEARS) return
    const oldest = this.#clears.shift()!
    this.#clearsForgotten = oldest.entry.seq
    if (oldest.dropped) return
    this.#drop(oldest)
    const { key } = oldest.entry.state!
    const rest = this.#byKey.get(key)!.filter((kept) => kept !== oldest)
    if (rest.length === 0) this.#byKey.delete(key)
    else this.#byKey.set(key, rest)
  }

  #drop(kept: Kept): void {
    kept.dropped = true
    this.#droppedCount++
    if (kept.isClear) return
    this.#entries--
    this.#bytes -= kept.entry.bytes
  }

  /** Taking one out of the middle would move all the others each time: the dropped go by the half. */
  #compact(): void {
    if (this.#droppedCount * 2 <= this.#kept.length) return
    this.#kept = this.#kept.filter((kept) => !kept.dropped)
    this.#droppedCount = 0
  }
}

function bytesOf(kept: readonly Kept[]): number {
  return kept.reduce((sum, { entry }) => sum + entry.bytes, 0)
}
