import type { Batch } from './batch.ts'
import type { Reader, Replay } from './replay.ts'
import type { Replays } from './replays.ts'
import type { Tail } from './tail.ts'
import type { Writer } from './writer.ts'

/** Who the audience writes to: a cursor into the tail, and the line to write on. */
export interface Listener extends Reader {
  /** Its index among the listeners; -1 when it is not among them. */
  place: number
}

/** What the audience asks its room for. */
export interface Source {
  readonly seq: number
  /** In place of all since a listener's `seq`: what it needs to be level again, and word of what it missed. */
  catchUp(seq: number): Replay
}

/** The cursor of a listener that is not given what it missed, but the state that changed. */
const FALLEN = -1

/** The last word, and a close code and reason, as in RFC 6455, 7.4. */
export interface Farewell {
  readonly message: Batch
  readonly code: number
  readonly reason: string
}

/**
 * The listeners of a room, each with a cursor into its tail. A broadcast wakes the writer, which walks them round robin,
 * a slice at a time; each that it reaches gets everything from its cursor to the head in one write. What is broadcast
 * during the walk makes the later batches larger: the busier the room, the fewer the writes.
 */
export class Audience {
  readonly #tail: Tail
  readonly #source: Source
  readonly #writer: Writer
  readonly #replays: Replays
  /** Bytes of backlog past which a listener is left to drain. */
  readonly #highWaterMark: number
  readonly #listeners: Listener[] = []
  #turn = 0
  /** How many listeners, from `#turn` on, the present walk has still to reach. */
  #toWalk = 0
  #farewell: Farewell | undefined

  constructor(tail: Tail, source: Source, writer: Writer, replays: Replays, highWaterMark: number) {
    this.#tail = tail
    this.#source = source
    this.#writer = writer
    this.#replays = replays
    this.#highWaterMark = highWaterMark
  }

  get size(): number {
    return this.#listeners.length
  }

  [Symbol.iterator](): Iterator<Listener> {
    return this.#listeners.values()
  }

  /** `listener` has been told everything so far, or is about to be: it stands at the head. */
  add(listener: Listener): void {
    listener.cursor = this.#tail.head
    listener.seq = this.#source.seq
    listener.place = this.#listeners.length
    this.#listeners.push(listener)
    this.#walkAgain()
  }

  /** `listener` was here before the room slept, and had been told everything, or was left to drain at the seq `behind`. */
  restore(listener: Listener, behind: number | undefined): void {
    this.add(listener)
    if (behind === undefined) return
    listener.cursor = FALLEN
    listener.seq = behind
    // Of one whose line is free, nobody would ever say that it has drained.
    listener.lagging = listener.connection.backlog > this.#highWaterMark / 2
    this.wake()
  }

  /** What the listeners stand at is void: each gets what `catchUp` gives for its seq, or for -1 where that is void, too. */
  restart(isSeqVoid: boolean): void {
    for (const listener of this.#listeners) {
      if (listener.replay !== undefined) listener.seq = listener.replay.stand
      this.#replays.drop(listener)
      listener.cursor = FALLEN
      if (isSeqVoid) listener.seq = -1
    }
    this.wake()
  }

  remove(listener: Listener): void {
    const { place } = listener
    this.#replays.drop(listener)
    if (place < 0) return
    listener.place = -1
    const last = this.#listeners.pop()!
    if (last !== listener) {
      this.#listeners[place] = last
      last.place = place
    }
    this.#walkAgain()
  }

  /** There is something new in the tail. */
  wake(): void {
    this.#toWalk = this.#listeners.length
    this.#writer.wake(this)
  }

  /** The line of a listener that was left to drain is free again. */
  drained(listener: Listener): void {
    if (!listener.lagging) return
    listener.lagging = false
    listener.remember()
    if (listener.replay !== undefined) this.#replays.resume(listener)
    else this.settle(listener)
  }

  /** Nothing is under way to `listener`. A line that took long would be filled with what is old by now: the newest state is of more use. */
  settle(listener: Reader): void {
    const { cursor } = listener
    if (cursor === this.#tail.head) return
    if (this.#tail.covers(cursor) && this.#tail.sizeFrom(cursor) > this.#highWaterMark) listener.cursor = FALLEN
    this.wake()
  }

  /** Everybody gets what is in the tail, then the line is closed. */
  dismiss(farewell: Farewell): void {
    this.#farewell = farewell
    this.wake()
  }

  /** One slice of the walk: at most `budget` writes. Returns how many were made; fewer than the budget: all are level. */
  write(budget: number): number {
    let writes = 0
    while (this.#toWalk > 0 && writes < budget) {
      this.#toWalk--
      if (this.#turn >= this.#listeners.length) this.#turn = 0
      if (this.#reach(this.#listeners[this.#turn++]!)) writes++
    }
    if (this.#toWalk === 0) this.#tail.trim()
    return writes
  }

  /** Who came or moved may have shifted the walk past somebody: it starts anew, and the level ones cost nothing. */
  #walkAgain(): void {
    if (this.#toWalk > 0) this.#toWalk = this.#listeners.length
  }

  /** True when something was written. */
  #reach(listener: Listener): boolean {
    const { connection, replay } = listener
    const isBehind = listener.cursor < this.#tail.head
    if (this.#farewell !== undefined) this.#dismiss(listener, this.#farewell)
    else if (!isBehind || replay !== undefined) return false
    else if (listener.lagging) return true
    else if (connection.backlog > this.#highWaterMark) this.#leaveBehind(listener)
    else this.#level(listener)
    return true
  }

  /** Who is not level any more, and has no time to be, is told that it is over all the same (E1). */
  #dismiss(listener: Listener, { message, code, reason }: Farewell): void {
    const { connection, cursor, lagging, replay } = listener
    const isFree = !lagging && replay === undefined && connection.backlog <= this.#highWaterMark
    this.#replays.drop(listener)
    if (cursor < this.#tail.head) {
      connection.write(isFree && this.#tail.covers(cursor) ? this.#tail.from(cursor) : message)
      listener.cursor = this.#tail.head
    }
    connection.close(code, reason)
  }

  #leaveBehind(listener: Listener): void {
    listener.lagging = true
    listener.remember()
  }

  #level(listener: Listener): void {
    const { connection, cursor, seq } = listener
    if (!this.#tail.covers(cursor)) return this.#replays.begin(listener, this.#source.catchUp(seq))
    connection.write(this.#tail.from(cursor))
    listener.cursor = this.#tail.head
    listener.seq = this.#source.seq
  }
}
