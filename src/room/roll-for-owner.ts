import type { Elsewhere } from './elsewhere.ts'
import type { Members } from './members.ts'
import { Names } from './names.ts'
import type { Cancel, Clock } from './ports.ts'

/** Milliseconds between two reports: soon enough to be watched, seldom enough for ten thousand who join at once. */
export const PAUSE = 100

/** Milliseconds after which a node that does not report is taken to be gone: three of its repeats. */
const SILENCE = 15_000

/** Tells the owner, which is here, who comes and goes on all nodes, many in one event. */
export class RollForOwner {
  readonly #clock: Clock
  readonly #members: Members
  readonly #elsewhere: Elsewhere
  readonly #names = new Names()
  #cancelReport: Cancel | undefined
  #cancelWatch: Cancel | undefined

  constructor(clock: Clock, members: Members, elsewhere: Elsewhere) {
    this.#clock = clock
    this.#members = members
    this.#elsewhere = elsewhere
  }

  /** Reports at once, who is here as those who joined: for an owner who has just come. */
  begin(): void {
    for (const id of this.#members.listeners()) this.#names.joined(id)
    if (this.#count > 0) this.#report()
    // One who is back may have been told of listeners that have left since. Other nodes may be about to report theirs.
    else if (this.#members.term > 1) this.changed()
    this.#watch()
  }

  joined(id: string): void {
    this.#names.joined(id)
    this.changed()
  }

  left(id: string): void {
    this.#names.left(id)
    this.changed()
  }

  /** There is something to report, here or elsewhere. */
  changed(): void {
    this.#cancelReport ??= this.#clock.after(PAUSE, () => this.#report())
    this.#watch()
  }

  stop(): void {
    this.#cancelReport?.()
    this.#cancelWatch?.()
  }

  get #count(): number {
    return this.#members.listening + this.#elsewhere.count
  }

  #report(): void {
    this.#cancelReport = undefined
    const names = new Names()
    names.add(this.#names.take())
    names.add(this.#elsewhere.names.take())
    this.#members.tellOwner({ type: 'listeners', count: this.#count, ...names.take() })
  }

  #watch(): void {
    const { longestSilence } = this.#elsewhere
    if (longestSilence === undefined || this.#cancelWatch !== undefined) return
    this.#cancelWatch = this.#clock.after(longestSilence + SILENCE - this.#clock.now(), () => {
      this.#cancelWatch = undefined
      if (this.#elsewhere.forgetSilent(this.#clock.now() - SILENCE)) this.changed()
      else this.#watch()
    })
  }
}
