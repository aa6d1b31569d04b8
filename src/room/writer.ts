import type { Clock } from './ports.ts'

/**
 * Writes to the network in one turn of the event loop. A write is 5–8 µs of kernel and more when much is in it, so a slice
 * holds the loop for a millisecond or so. Smaller slices also batch better, since more is broadcast between them: of 32, 48,
 * 64, 128 and 250, 48 delivered most, by a fifth more than 250 (`npm run bench:fanout -- --loads window,crowd`).
 */
const SLICE = 48

/** Something that has writing to do. Returns how many writes it made; fewer than `budget` means it is done. */
export interface Writing {
  write(budget: number): number
}

/** Shares the event loop among all rooms that have something to write: a slice a turn, round robin over the rooms. */
export class Writer {
  readonly #clock: Clock
  readonly #awake = new Set<Writing>()
  #scheduled = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  wake(writing: Writing): void {
    this.#awake.add(writing)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#clock.soon(() => this.#turn())
  }

  #turn(): void {
    this.#scheduled = false
    let budget = SLICE
    for (const writing of this.#awake) {
      this.#awake.delete(writing)
      const writes = writing.write(budget)
      const isDone = writes < budget
      if (!isDone) this.#awake.add(writing)
      // A room with nothing to write costs something too: thousands of them are not one slice.
      budget -= Math.max(writes, 1)
      if (budget <= 0) break
    }
    if (this.#awake.size > 0) this.#schedule()
  }
}
