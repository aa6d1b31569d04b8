import { type Bound, overBudget, TIGHT } from '../room/budget.ts'
import type { RoomError } from '../room/errors.ts'
import type { SqlDriver } from './sql-driver.ts'

/** Bytes written between two looks at how many are in use. */
const LOOK_EVERY = 256 * 1024

/** What a row takes beside its body: keys, numbers, its place in the indices. */
const ROW = 200

/** What the rooms of a database take on disk, against the bound on that. */
export class Disk implements Bound {
  readonly #driver: SqlDriver
  readonly #limit: number
  #used = 0
  #written = LOOK_EVERY

  constructor(driver: SqlDriver, limit: number) {
    this.#driver = driver
    this.#limit = limit
  }

  get isTight(): boolean {
    return this.#estimate > TIGHT * this.#limit
  }

  get isFull(): boolean {
    if (this.#estimate < this.#limit) return false
    // Rooms may have ended since.
    this.#written = LOOK_EVERY
    return this.#estimate >= this.#limit
  }

  /** A row with a body of so many bytes was written. */
  wrote(bytes: number): void {
    this.#written += ROW + bytes
  }

  refusal(code: 'server_full' | 'state_full'): RoomError {
    return overBudget(code, this.#limit, 'storage')
  }

  get #estimate(): number {
    if (this.#written >= LOOK_EVERY) {
      this.#used = this.#driver.used ?? 0
      this.#written = 0
    }
    return this.#used + this.#written
  }
}
