import type { Limits } from '../protocol/messages.ts'
import type { Received } from './types.ts'

interface Kept {
  readonly key: string
  /** All but its parameters. */
  readonly message: Omit<Received, 'params'> & { readonly seq: number }
  /** As JSON: what a handler does to its parameters is not to change what another gets. */
  readonly params: string
}

/** What is stored in the room, kept here as the server keeps it (R1), for handlers that are put up later. */
export class Stored {
  readonly #bySeq = new Map<number, Kept>()
  readonly #byKey = new Map<string, Set<number>>()
  #characters = 0
  #limits: Pick<Limits, 'stateBytes' | 'stateEntries'> = { stateBytes: 0, stateEntries: 0 }

  /** All of it, or that of some actions, in the order of seq. */
  all(actions?: ReadonlySet<string>): Received[] {
    const kept = [...this.#bySeq.values()].filter(({ message }) => actions?.has(message.action) ?? true)
    // The owner's own come in with their acknowledgements, and may have been overtaken.
    kept.sort((one, other) => one.message.seq - other.message.seq)
    return kept.map(({ message, params }) => ({ ...message, params: JSON.parse(params) }))
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
    const kept = { key, message: { action, seq, replay: true, stateKey, retain }, params: JSON.stringify(params) }
    this.#bySeq.set(seq, kept)
    this.#byKey.set(key, siblings.add(seq))
    this.#characters += sizeOf(kept)
    this.#trim()
  }

  forgetAll(): void {
    this.#bySeq.clear()
    this.#byKey.clear()
    this.#characters = 0
  }

  #forget(seq: number): void {
    const kept = this.#bySeq.get(seq)!
    this.#bySeq.delete(seq)
    this.#characters -= sizeOf(kept)
    const siblings = this.#byKey.get(kept.key)!
    siblings.delete(seq)
    if (siblings.size === 0) this.#byKey.delete(kept.key)
  }

  /** Over the limits only where another hand than this owner's has cleared something: what is oldest is gone. */
  #trim(): void {
    const { stateBytes, stateEntries } = this.#limits
    while (this.#bySeq.size > stateEntries || this.#characters > stateBytes)
      this.#forget(this.#bySeq.keys().next().value!)
  }
}

/** No more than it has on the server, which counts all of the message. */
function sizeOf({ key, params }: Kept): number {
  return key.length + params.length
}
