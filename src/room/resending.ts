/**
 * The order of an owner's broadcasts, where it has said that what is refused for their rate it says again, from the first
 * that was refused on: what it had said after that, before it knew, does not overtake it (C6).
 */
export class Resending {
  #turn = 0
  #first: { readonly turn: number; readonly id: string } | undefined

  /** Whether a broadcast with this id would overtake one that has yet to be said again. */
  isOvertaking(id: string | undefined): boolean {
    return this.#first !== undefined && id !== undefined && id !== this.#first.id
  }

  /** A broadcast is let through; returns its turn. */
  letThrough(id: string | undefined): number {
    if (id === this.#first?.id) this.#first = undefined
    return ++this.#turn
  }

  /** A broadcast is refused; `turn` is the one it had, where it had been let through. */
  refused(id: string | undefined, turn = ++this.#turn): void {
    if (id !== undefined && (this.#first === undefined || turn < this.#first.turn)) this.#first = { turn, id }
  }
}
