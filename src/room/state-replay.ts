import type { Batch } from './batch.ts'
import type { Replay } from './replay.ts'
import type { Range, State } from './state.ts'

/** How a replay of the state begins. Those who stand at the same place share it. */
export interface Beginning {
  /** What comes before the first piece, and that with it. */
  readonly first: Batch | undefined
  /** What is to come after it, and how many messages that is. */
  readonly range: Range
  readonly left: number
  /** Events that were missed, which come at the end; undefined: none, or they are in `first`. */
  readonly events: Batch | undefined
  /** Where it leads. */
  readonly cursor: number
  readonly seq: number
}

/** What is stored, or what of it has changed. It is read while it goes on changing: what is dropped before it was written is never sent. */
export class StateReplay implements Replay {
  readonly stand = -1
  readonly #state: State
  readonly #piece: number
  /** Makes a beginning for who was to be led to `seq`, and has had all of `range`'s up to where that begins now. */
  readonly #beginAgain: (seq: number, range: Range) => Beginning
  #beginning!: Beginning
  #range!: Range
  #left!: number
  #drops!: number
  #isFirst!: boolean
  #events: Batch | undefined

  /** `piece` characters at a time. */
  constructor(state: State, piece: number, beginning: Beginning, beginAgain: (seq: number, range: Range) => Beginning) {
    this.#state = state
    this.#piece = piece
    this.#beginAgain = beginAgain
    this.#begin(beginning)
  }

  get cursor(): number {
    return this.#beginning.cursor
  }

  get seq(): number {
    return this.#beginning.seq
  }

  get isOver(): boolean {
    return !this.#isFirst && this.#left <= 0 && this.#events === undefined
  }

  next(): Batch {
    if (this.#isFirst) return this.#takeFirst()
    if (this.#left <= 0) return this.#takeEvents()
    // What was announced has to come: where some of it is gone, what is left is announced anew.
    if (this.#isLess()) {
      this.#begin(this.#beginAgain(this.seq, this.#range))
      return this.#takeFirst()
    }
    const { batch, last } = this.#state.piece(this.#range, this.#piece)
    this.#range = { ...this.#range, after: last }
    this.#left -= batch.texts.length
    return batch
  }

  #isLess(): boolean {
    if (this.#state.drops === this.#drops) return false
    this.#drops = this.#state.drops
    return this.#state.count(this.#range) !== this.#left
  }

  #begin(beginning: Beginning): void {
    this.#beginning = beginning
    this.#range = beginning.range
    this.#left = beginning.left
    this.#events = beginning.events
    this.#isFirst = beginning.first !== undefined
    this.#drops = this.#state.drops
  }

  #takeFirst(): Batch {
    this.#isFirst = false
    return this.#beginning.first!
  }

  #takeEvents(): Batch {
    const events = this.#events!
    this.#events = undefined
    return events
  }
}
