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
    this.#replay = undefined
    this.#head = head
  }

  /**
   * A broadcast of one's own has its place: it will not be sent to who said it. False when it was: with all up to the place
   * that this side was let in at.
   */
  acknowledge(seq: number): boolean {
    if (this.#position !== undefined && seq > this.#position.seq) this.#position = { ...this.#position, seq }
    return seq > this.#head
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
    const place = this.#position
    let verdict: Verdict = 'take'
    if (seq !== undefined && place !== undefined) {
      if (seq <= place.seq) verdict = 'known'
      else if (seq > place.seq + 1 && !replay) verdict = 'gap'
      // A replay passes over what is void by now, and comes in the order of seq: a lost line is taken up from here.
      else this.#position = { epoch: place.epoch, seq }
    }
    if (replay && this.#replay !== undefined) this.#replay.left--
    this.#finishReplay()
    return verdict
  }

  #finishReplay(): void {
    if (this.#replay === undefined || this.#replay.left > 0) return
    this.#position = this.#replay.leadsTo
    this.#replay = undefined
  }
}
