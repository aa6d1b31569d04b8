import { Batch, weightOfAll } from './batch.ts'
import { type Bound, UNBOUNDED } from './budget.ts'
import { ITEM_WEIGHT } from './weight.ts'

interface Item {
  /** Empty once it is not covered any more. */
  text: string
  /** Bytes of memory. */
  readonly weight: number
  /** Absent for an event, which is for those who are here now only. */
  readonly seq: number | undefined
  /** Size of all texts ever pushed, up to and including this one. */
  readonly end: number
}

/** Items and characters of text kept for who fell behind or comes back. */
export interface TailLimits {
  readonly tailEntries: number
  readonly tailBytes: number
}

/** A piece of what somebody missed. */
export interface Recovered {
  readonly batch: Batch
  /** The place after it. */
  readonly cursor: number
  /** That of its last broadcast. */
  readonly seq: number
}

/** As much as an SDK has under way, and so may send again (C3). */
const SCANT = { tailEntries: 256, tailBytes: 256 * 1024 }

/** What is kept of a tail where little is left for all rooms together. */
export function scant({ tailEntries, tailBytes }: TailLimits): TailLimits {
  return {
    tailEntries: Math.min(tailEntries, SCANT.tailEntries),
    tailBytes: Math.min(tailBytes, SCANT.tailBytes),
  }
}

/** How far the tail may outgrow its limits while the audience is still being written to. */
const OVERHANG = 4

/**
 * The recent past of a room as one sequence of encoded messages: broadcasts, and events among them. A place in it is a
 * `cursor`: the number of messages pushed before. Fan-out, backpressure and recovery are all walks over it.
 */
export class Tail {
  readonly #limits: TailLimits
  readonly #bound: Bound
  #items: Item[] = []
  /** The cursor of `#items[0]`. */
  #base = 0
  /** The oldest cursor still covered. */
  #first = 0
  #size = 0
  #weight = 0
  /** The seq of the newest broadcast that is no longer covered: what a listener must have seen to be recovered. */
  #forgotten: number
  #lastRange: { from: number; head: number; batch: Batch } | undefined
  /** What was made for who comes back, by where it begins and where it is to lead: many come back at once. */
  readonly #recoveries = new Map<string, Recovered>()

  /** `seq` is the room's, before any message is pushed. `bound`: where little is left in it, less is kept. */
  constructor(limits: TailLimits, seq: number, bound: Bound = UNBOUNDED) {
    this.#limits = limits
    this.#bound = bound
    this.#forgotten = seq
  }

  /** The cursor of who has seen everything. */
  get head(): number {
    return this.#base + this.#items.length
  }

  /** Bytes of memory that it takes. */
  get weight(): number {
    return this.#weight + (this.#lastRange?.batch.weight ?? 0) + weightOfAll(this.#recoveries)
  }

  covers(cursor: number): boolean {
    return cursor >= this.#first
  }

  /** `weight`: bytes of memory that the text takes. */
  push(text: string, seq?: number, weight = 2 * text.length): void {
    this.#size += text.length
    this.#items.push({ text, seq, end: this.#size, weight: weight + ITEM_WEIGHT })
    this.#weight += weight + ITEM_WEIGHT
    this.#forgetBatches()
    this.#trimTo(OVERHANG, this.head - 1, this.#bound.isTight)
  }

  /**
   * Forgets what is over the limits, and all of it where nothing is left for all rooms together. Until this is called, what was
   * pushed lately is kept for who is still to get it.
   */
  trim(): void {
    this.#lastRange = undefined
    this.#trimTo(this.#bound.isFull ? 0 : 1, this.head, this.#bound.isTight)
  }

  /** Forgets all that only helps who comes back. */
  economize(): void {
    this.#forgetBatches()
    this.trim()
  }

  /** Makes batches anew when they are asked for. */
  #forgetBatches(): void {
    this.#lastRange = undefined
    this.#recoveries.clear()
  }

  /** All that is in it is void; the room's seq is `seq` now. */
  restart(seq: number): void {
    this.#base = this.head
    this.#first = this.#base
    this.#items = []
    this.#weight = 0
    this.#forgotten = seq
    this.#forgetBatches()
  }

  /** Characters of text from `cursor` to the head. */
  sizeFrom(cursor: number): number {
    return this.#size - (this.#items[cursor - this.#base - 1]?.end ?? this.#startOfItems())
  }

  /** All from a covered `cursor` to the head. Most listeners stand at the same one, so the last batch is kept. */
  from(cursor: number): Batch {
    const { head } = this
    const last = this.#lastRange
    if (last?.from === cursor && last.head === head) return last.batch
    const batch = new Batch(this.#items.slice(cursor - this.#base).map((item) => item.text))
    this.#lastRange = { from: cursor, head, batch }
    return batch
  }

  /** False: some of the broadcasts after `seq` are forgotten. */
  knows(seq: number): boolean {
    return seq >= this.#forgotten
  }

  /** The cursor that all broadcasts after `seq`, which it knows, come after. */
  after(seq: number): number {
    let at = this.#items.length
    while (at > this.#first - this.#base && (this.#items[at - 1]!.seq ?? seq + 1) > seq) at--
    return this.#base + at
  }

  /** The broadcasts from a covered `cursor` on, before `end`, about `limit` characters of them; events are left out. */
  broadcasts(cursor: number, end: number, limit: number): Recovered {
    const key = `${cursor}-${end}`
    const made = this.#recoveries.get(key)
    if (made !== undefined) return made
    const texts: string[] = []
    let [at, seq, size] = [cursor, 0, 0]
    while (at < end && size < limit) {
      const item = this.#items[at++ - this.#base]!
      if (item.seq === undefined) continue
      texts.push(item.text)
      size += item.text.length
      seq = item.seq
    }
    const recovered = { batch: new Batch(texts), cursor: at, seq }
    this.#recoveries.set(key, recovered)
    return recovered
  }

  #trimTo(times: number, last: number, isTight: boolean): void {
    const { tailEntries, tailBytes } = isTight ? scant(this.#limits) : this.#limits
    const { head } = this
    while (
      this.#first < last &&
      (head - this.#first > tailEntries * times || this.sizeFrom(this.#first) > tailBytes * times)
    ) {
      const item = this.#items[this.#first++ - this.#base]!
      this.#forgotten = item.seq ?? this.#forgotten
      this.#weight -= item.weight
      item.text = ''
    }
    this.#compact()
  }

  /** Dropping items one at a time would move all the others each time: drop them by the half. */
  #compact(): void {
    const dropped = this.#first - this.#base
    if (dropped * 2 < this.#items.length) return
    this.#items = this.#items.slice(dropped)
    this.#base = this.#first
  }

  #startOfItems(): number {
    const oldest = this.#items[0]
    return oldest === undefined ? this.#size : oldest.end - oldest.text.length
  }
}
