import type { Budget } from './budget.ts'

/** How a transport puts messages on its wire, as one piece. */
export type Encoding<Wire> = (texts: readonly string[]) => Wire

/**
 * Messages for one write, in order. Listeners that stand at the same place share one batch, so that each transport
 * encodes it once, however many they are.
 */
export class Batch {
  readonly texts: readonly string[]
  #encoding: Encoding<unknown> | undefined
  #encoded: unknown
  #weight = 0
  /** Lines that have it in their queues. */
  #lines = 0

  constructor(texts: readonly string[]) {
    this.texts = texts
  }

  /** The batch as `encoding` makes it; the last one made is kept. */
  as<Wire>(encoding: Encoding<Wire>): Wire {
    if (this.#encoding !== encoding) {
      this.#encoded = encoding(this.texts)
      this.#encoding = encoding
      this.#weight = this.texts.reduce((size, text) => size + 2 * text.length, 0)
    }
    return this.#encoded as Wire
  }

  /** It is in one more line's queue: in memory it is once, however many have it. To be called when it is encoded. */
  queue(budget: Budget): void {
    if (this.#lines++ === 0) budget.add(this.#weight)
  }

  /** It is in one line's queue less. */
  unqueue(budget: Budget): void {
    if (--this.#lines === 0) budget.add(-this.#weight)
  }

  /** Bytes of memory that it takes once it is encoded: its texts are whole then, and once more in what was made of them. */
  get weight(): number {
    return this.#weight
  }
}

/** That of the batches in `made`. */
export function weightOfAll(made: ReadonlyMap<unknown, { readonly batch: Batch }>): number {
  let weight = 0
  for (const { batch } of made.values()) weight += batch.weight
  return weight
}
