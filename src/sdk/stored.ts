import type { Limits } from '../protocol/messages.ts'
import type { Received } from './types.ts'

interface Kept {
  readonly key: string
  readonly seq: number
  /** As JSON: what a handler does to its parameters is not to change what another gets. */
  readonly text: string
}

/** What is stored in the room, kept here as the server keeps it (R1), for handlers that are put up later. */
export class Stored {
  readonly #bySeq = new Map<number, Kept>()
  readonly #byKey = new Map<string, Set<number>>()
  #characters = 0
  #limits: Pick<Limits, 'stateBytes' | 'stateEntries'> = { stateBytes: 0, stateEntries: 0 }

  /** All of it, in the order of seq. */
  all(): Received[] {
    // The owner's own come in with their acknowledgements, and may have been overtaken.
    const kept = [...this.#bySeq.values()].sort((one, other) => one.seq - other.seq)
    return kept.map(({ seq, text }) => {
      const { action, params, stateKey, retain } = JSON.parse(text)
      return { action, params, seq, replay: true, stateKey, retain }
    })
  }

  /** The server's limits: more than it stores is not kept here either. */
  limit(limits: Limits): void {
    this.#limits = limits
  }

  take({ action, params, seq, stateKey, retain }: Received): void {
    if (retain === undefined || seq === undefined || this.#bySeq.has(seq)) return
    const key = JSON.stringify([action, stateKey])
    const siblings = this.#byKey.get(key) ?? new Set()
    if (retain !== 'append') for (const sibling of siblings) this.#forget(sibling)
    if (retain === 'clear') return
    const text = JSON.stringify({ action, params, stateKey, retain })
    this.#bySeq.set(seq, { key, seq, text })
    this.#byKey.set(key, siblings.add(seq))
    this.#characters += text.length
    this.#trim()
  }

  forgetAll(): void {
    this.#bySeq.clear()
    this.#byKey.clear()
    this.#characters = 0
  }

  #forget(seq: number): void {
    const { key, text } = this.#bySeq.get(seq)!
    this.#bySeq.delete(seq)
    this.#characters -= text.length
    const siblings = this.#byKey.get(key)!
    siblings.delete(seq)
    if (siblings.size === 0) this.#byKey.delete(key)
  }

  /** Over the limits only where another hand than this owner's has cleared something: what is oldest is gone. */
  #trim(): void {
    const { stateBytes, stateEntries } = this.#limits
    while (this.#bySeq.size > stateEntries || this.#characters > stateBytes)
      this.#forget(this.#bySeq.keys().next().value!)
  }
}
