import type { Batch } from './batch.ts'
import type { Connection } from './ports.ts'
import type { Tail } from './tail.ts'

/** What leads a client to where the room stands, a piece at a time: of what its line does not take, nothing is made. */
export interface Replay {
  /** The seq that the client stands at by what was written of it; -1: at none, it would have to start afresh. */
  readonly stand: number
  /** The place in the tail, and the room's seq there, that it leads to. Both grow where it has to be begun anew. */
  readonly cursor: number
  readonly seq: number
  readonly isOver: boolean
  /** The next messages of it; to be called until it is over. */
  next(): Batch
}

/** Who a replay is written to. */
export interface Reader {
  readonly connection: Connection
  replay: Replay | undefined
  /** The place in the tail, and the seq there, up to which all was written, when no replay is under way. */
  cursor: number
  seq: number
  /** Its line is over the high-water mark: nothing is written until it has drained (R6). */
  lagging: boolean
  /** `lagging` has changed, or how far a replay has come. */
  remember(): void
}

/**
 * Exactly the broadcasts after a seq, as they were (R5). Where the tail forgets some of them on the way, what `fallBack` gives
 * for the seq that was reached follows in their place.
 */
export class Recovery implements Replay {
  readonly #tail: Tail
  readonly #piece: number
  readonly #fallBack: (seq: number) => Replay
  readonly #seq: number
  readonly #cursor: number
  #at: number
  #stand: number
  #rest: Replay | undefined

  /** From `from`, which the tail knows, to its head, where the room's seq is `seq`; `piece` characters at a time. */
  constructor(tail: Tail, from: number, seq: number, piece: number, fallBack: (seq: number) => Replay) {
    this.#tail = tail
    this.#piece = piece
    this.#fallBack = fallBack
    this.#seq = seq
    this.#cursor = tail.head
    this.#at = tail.after(from)
    this.#stand = from
  }

  get stand(): number {
    return this.#rest?.stand ?? this.#stand
  }

  get cursor(): number {
    return this.#rest?.cursor ?? this.#cursor
  }

  get seq(): number {
    return this.#rest?.seq ?? this.#seq
  }

  get isOver(): boolean {
    return this.#rest?.isOver ?? this.#stand >= this.#seq
  }

  next(): Batch {
    if (this.#rest === undefined && !this.#tail.covers(this.#at)) this.#rest = this.#fallBack(this.#stand)
    if (this.#rest !== undefined) return this.#rest.next()
    const { batch, cursor, seq } = this.#tail.broadcasts(this.#at, this.#cursor, this.#piece)
    this.#at = cursor
    this.#stand = seq
    return batch
  }
}
