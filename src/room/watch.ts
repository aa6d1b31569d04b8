/** Milliseconds between two looks, past which the process stood still: it was stopped, or the machine slept. */
const APART = 3000

/**
 * Since when somebody has looked after the rooms all the time. While nobody does, no owner can come back: grace times count
 * from then on (E2). Looks are due at least once a second.
 */
export class Watch {
  #since: number
  #last: number

  constructor(now: number) {
    this.#since = now
    this.#last = now
  }

  /** Somebody looks, at `now`. */
  look(now: number): number {
    if (now - this.#last > APART) this.#since = now
    this.#last = now
    return this.#since
  }
}
