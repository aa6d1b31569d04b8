import type { Position } from '../protocol/messages.ts'

/** What to do with a message, by its place in the room's order. */
export type Verdict = 'take' | 'known' | 'gap'

/** Keeps a member's place in the room's order, through replays and reconnects. */
export class Order {
  #position: Position | undefined
  /** While a replay runs: how many of it are still to come, and the place that they lead to. */
  #replay: { left: number; leadsTo: Position } | undefined
  /** The seq that has to be reached for what is shown to be what is. */
  #head = 0

  /** Where to be taken up again; undefined: nowhere, the whole state is needed. */
  get since(): Position | undefined {
    return this.#position
  }

  /** Nothing more is on its way of what was missed. */
  get isLevel(): boolean {
    return this.#replay === undefined && (this.#position?.seq ?? -1) >= this.#head
  }

  /** Exactly the broadcasts that were missed come next, up to `head`. */
  startRecovery(head: number): void {
    this.#head = head
  }

  /** A broadcast of one's own has its place: it will not be sent to who said it. */
  acknowledge(seq: number): void {
    if (this.#position !== undefined && seq > this.#position.seq) this.#position = { ...this.#position, seq }
  }

  /** The state, or a part of it, comes next: `count` messages, which lead to `leadsTo`. */
  startReplay(count: number, leadsTo: Position, keepsPlace: boolean): void {
    if (!keepsPlace) this.#position = undefined
    this.#replay = { left: count, leadsTo }
    this.#head = leadsTo.seq
    this.#finishReplay()
  }

  judge(message: { readonly seq?: number; readonly replay?: true }): Verdict {
    const { seq, replay } = message
    if (replay) {
      if (this.#replay !== undefined) this.#replay.left--
      this.#finishReplay()
      return 'take'
    }
    if (seq === undefined || this.#position === undefined) return 'take'
    if (seq <= this.#position.seq) return 'known'
    if (seq > this.#position.seq + 1) return 'gap'
    this.#position = { epoch: this.#position.epoch, seq }
    return 'take'
  }

  #finishReplay(): void {
    if (this.#replay === undefined || this.#replay.left > 0) return
    this.#position = this.#replay.leadsTo
    this.#replay = undefined
  }
}
