/** Client ids in one report; who is past it is counted and not named. */
const NAMES = 100

export interface Changes {
  readonly joined: readonly string[]
  readonly left: readonly string[]
}

/** Who came and who went, as far as it fits in one report. */
export class Names {
  #joined = new Set<string>()
  #left = new Set<string>()

  joined(id: string): void {
    if (this.#joined.size < NAMES) this.#joined.add(id)
  }

  left(id: string): void {
    const cameAndWent = this.#joined.delete(id)
    if (!cameAndWent && this.#left.size < NAMES) this.#left.add(id)
  }

  add({ joined, left }: Changes): void {
    for (const id of joined) this.joined(id)
    for (const id of left) this.left(id)
  }

  /** What was taken has not been told: it comes before what has come since. */
  putBack(changes: Changes): void {
    const later = this.take()
    this.add(changes)
    this.add(later)
  }

  /** All of them, once. */
  take(): Changes {
    const changes = { joined: [...this.#joined], left: [...this.#left] }
    this.#joined = new Set()
    this.#left = new Set()
    return changes
  }
}
