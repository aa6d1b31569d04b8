/** What could not be stored, and is remembered until it is said again: as much as an SDK has under way. */
const UNSTORED = 256

/**
 * The order of an owner's broadcasts, where it has said that what is refused for their rate it says again, from the first
 * that was refused on: what it had said after that, before it knew, does not overtake it (C6).
 */
export class Resending {
  #turn = 0
  #first: { readonly turn: number; readonly id: string } | undefined
  /** The turns of those that were let through and could not be stored: said again, they still come before what was refused. */
  readonly #unstored = new Map<string, number>()

  /** Whether a broadcast with this id would overtake one that has yet to be said again. */
  isOvertaking(id: string | undefined): boolean {
    if (this.#first === undefined || id === undefined || id === this.#first.id) return false
    return (this.#unstored.get(id) ?? Infinity) > this.#first.turn
  }

  /** A broadcast is let through; returns its turn. */
  letThrough(id: string | undefined): number {
    if (id === undefined) return ++this.#turn
    if (id === this.#first?.id) this.#first = undefined
    const turn = this.#turnOf(id)
    this.#unstored.delete(id)
    return turn
  }

  /** A broadcast is refused; `turn` is the one it had, where it had been let through. */
  refused(id: string | undefined, turn?: number): void {
    if (id === undefined) return
    const own = turn ?? this.#turnOf(id)
    if (this.#first === undefined || own < this.#first.turn) this.#first = { turn: own, id }
  }

  /** The log could not take a broadcast that had been let through at `turn`. */
  failed(id: string | undefined, turn: number): void {
    if (id === undefined) return
    this.#unstored.set(id, turn)
    for (const oldest of this.#unstored.keys()) {
      if (this.#unstored.size <= UNSTORED) return
      this.#unstored.delete(oldest)
    }
  }

  #turnOf(id: string): number {
    return this.#unstored.get(id) ?? ++this.#turn
  }
}
