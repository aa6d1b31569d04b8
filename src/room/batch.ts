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

  constructor(texts: readonly string[]) {
    this.texts = texts
  }

  /** The batch as `encoding` makes it; the last one made is kept. */
  as<Wire>(encoding: Encoding<Wire>): Wire {
    if (this.#encoding !== encoding) {
      this.#encoded = encoding(this.texts)
      this.#encoding = encoding
    }
    return this.#encoded as Wire
  }
}
