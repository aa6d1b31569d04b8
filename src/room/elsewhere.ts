import { Names } from './names.ts'
import type { Report } from './questions.ts'

/** The listeners on other nodes, as those have reported them to an owner's node. */
export class Elsewhere {
  readonly names = new Names()
  readonly #counts = new Map<string, { readonly count: number; readonly heardAt: number }>()
  #term = 0

  get count(): number {
    let sum = 0
    for (const { count } of this.#counts.values()) sum += count
    return sum
  }

  /** When the node was heard that has been silent for longest; undefined: nobody is anywhere else. */
  get longestSilence(): number | undefined {
    if (this.#counts.size === 0) return undefined
    return Math.min(...[...this.#counts.values()].map(({ heardAt }) => heardAt))
  }

  /** From zero: every node reports afresh to an owner that has come. One may have done so before it was let in here. */
  startTerm(term: number): void {
    if (term <= this.#term) return
    this.#term = term
    this.#counts.clear()
    this.names.take()
  }

  /** False when the owner need not be told. */
  heard(node: string, { term, count, joined, left }: Report, now: number): boolean {
    this.startTerm(term)
    const before = this.#counts.get(node)?.count ?? 0
    if (count > 0) this.#counts.set(node, { count, heardAt: now })
    else this.#counts.delete(node)
    this.names.add({ joined, left })
    return count !== before || joined.length + left.length > 0
  }

  /** False when nobody was there. */
  forget(node: string): boolean {
    return this.#counts.delete(node)
  }

  /** Forgets the nodes that have not been heard after `time`. False when there was none. */
  forgetSilent(time: number): boolean {
    const silent = [...this.#counts].filter(([, { heardAt }]) => heardAt <= time)
    for (const [node] of silent) this.#counts.delete(node)
    return silent.length > 0
  }
}
