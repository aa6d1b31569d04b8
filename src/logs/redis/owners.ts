import type { Cancel, Clock } from '../../room/ports.ts'
import type { RoomIndex } from './index.ts'
import { inSlices } from './slices.ts'

/** A node says so many times within its lease that its owners are here. */
const BEATS_PER_LEASE = 3

/** Beats between two times that the rooms of this node's owners are kept from expiring. */
const RETAIN_EVERY = 300

/** What is done about a room whose owner is on this node. */
export interface Care {
  /** Puts off the time at which it expires. */
  retain(uuid: string): Promise<void>
  /** The others may take this node for dead, and the owner of `term` for gone. False: somebody else is the owner by now. */
  stay(uuid: string, term: number): Promise<boolean>
}

/** The owners on this node. It says again and again that they are here: of a node that is silent, they are taken to be gone. */
export class Owners {
  readonly #index: RoomIndex
  readonly #care: Care
  readonly #clock: Pick<Clock, 'after'>
  readonly #interval: number
  readonly #terms = new Map<string, number>()
  #beats = 0
  #cancel: Cancel

  /** `lease`: milliseconds for which a node may be silent. */
  constructor(index: RoomIndex, clock: Pick<Clock, 'after'>, lease: number, care: Care) {
    this.#index = index
    this.#care = care
    this.#clock = clock
    this.#interval = lease / BEATS_PER_LEASE
    this.#cancel = this.#beatLater()
  }

  came(uuid: string, term: number): void {
    this.#terms.set(uuid, term)
  }

  left(uuid: string, term: number): void {
    if (this.#terms.get(uuid) === term) this.#terms.delete(uuid)
  }

  /** The room has ended. */
  forget(uuid: string): void {
    this.#terms.delete(uuid)
  }

  close(): void {
    this.#cancel()
  }

  #beatLater(): Cancel {
    return this.#clock.after(this.#interval, () => {
      this.#beat().catch(() => {
        // Out of reach: the owners count as here for as long as the lease holds, and again from the next beat that is heard.
      })
      this.#cancel = this.#beatLater()
    })
  }

  async #beat(): Promise<void> {
    this.#beats++
    if (this.#beats % RETAIN_EVERY === 0) await inSlices(this.#terms.keys(), (uuid) => this.#care.retain(uuid))
    const doubtful = await this.#index.beat([...this.#terms.keys()])
    await inSlices(doubtful, (uuid) => this.#stay(uuid))
  }

  async #stay(uuid: string): Promise<void> {
    const term = this.#terms.get(uuid)
    if (term !== undefined && !(await this.#care.stay(uuid, term))) this.left(uuid, term)
  }
}
