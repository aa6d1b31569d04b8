/** What may wait at one time for a load that has to come back first. */
const ITEMS = 1000
const CHARACTERS = 1024 * 1024

interface Passenger<Item> {
  readonly item: Item
  readonly size: number
  resolve(): void
  reject(error: unknown): void
}

/**
 * Takes items across in their order, one load at a time: what comes while a load is under way goes together with the next.
 * So a far side that is slow to answer is asked less often for more, and one that never answers holds up each item for two
 * loads at most.
 */
export class Ferry<Item> {
  readonly #carry: (load: readonly Item[]) => Promise<readonly (Error | undefined)[]>
  #waiting: Passenger<Item>[] = []
  #items = 0
  #characters = 0

  /** `carry` resolves with what became of each item of the load: an error, or undefined where it arrived. */
  constructor(carry: (load: readonly Item[]) => Promise<readonly (Error | undefined)[]>) {
    this.#carry = carry
  }

  /** All that it has taken has arrived. */
  get isIdle(): boolean {
    return this.#items === 0
  }

  get isFull(): boolean {
    return this.#items >= ITEMS || this.#characters >= CHARACTERS
  }

  /** Resolves when `item`, of `size` characters, has arrived. Rejects with what it did not arrive for. */
  take(item: Item, size: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const isAtRest = this.isIdle
      this.#items++
      this.#characters += size
      this.#waiting.push({ item, size, resolve, reject })
      if (isAtRest) this.#sail()
    })
  }

  #sail(): void {
    const load = this.#waiting
    this.#waiting = []
    const land = (settle: (passenger: Passenger<Item>, index: number) => void) => {
      this.#items -= load.length
      for (const { size } of load) this.#characters -= size
      load.forEach(settle)
      if (this.#waiting.length > 0) this.#sail()
    }
    this.#carry(load.map(({ item }) => item)).then(
      (errors) => land(({ resolve, reject }, i) => (errors[i] === undefined ? resolve() : reject(errors[i]))),
      (error) => land(({ reject }) => reject(error)),
    )
  }
}
