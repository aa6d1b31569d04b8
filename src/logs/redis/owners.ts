import type { Cancel, Clock, Presence } from '../../room/ports.ts'
import type { RoomIndex } from './index.ts'
import { inSlices } from './slices.ts'

/** A node says so many times within its lease that its owners are here. */
const BEATS_PER_LEASE = 3

/** Milliseconds until a beat that was not heard is tried again. */
const RETRY = 500

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
  #isBeating = false
  /** Asked for while one was under way. */
  #isDue = false
  #isClosed = false

  /** `lease`: milliseconds for which a node may be silent. */
  constructor(index: RoomIndex, clock: Pick<Clock, 'after'>, lease: number, care: Care) {
    this.#index = index
    this.#care = care
    this.#clock = clock
    this.#interval = lease / BEATS_PER_LEASE
    this.#cancel = clock.after(this.#interval, () => this.beat())
  }

  came(uuid: string, term: number): void {
    this.#terms.set(uuid, term)
  }

  left(uuid: string, term: number): void {
    if (this.#terms.get(uuid) === term) this.#terms.delete(uuid)
  }

  /** The owner of `term` has come to this node, and has not left. */
  has(uuid: string, term: number): boolean {
    return this.#terms.get(uuid) === term
  }

  /** The log says who owns the room: an owner that is here is not gone, whoever took it to be so. */
  heard(uuid: string, { here, term }: Pick<Presence, 'here' | 'term'>): void {
    const mine = this.#terms.get(uuid)
    if (mine === undefined) return
    // Displaced: a beat for it would keep the room for one who may never have got in.
    if (term > mine) this.left(uuid, mine)
    if (here || term > mine) return
    this.#stay(uuid).catch(() => {
      // Out of reach: what it says when it is back is heard again, and else the next beat sees to it.
    })
  }

  /** The room has ended. */
  forget(uuid: string): void {
    this.#terms.delete(uuid)
  }

  close(): void {
    this.#isClosed = true
    this.#cancel()
  }

  /** Says that the owners are here: at once, for it may have been silent for long. */
  beat(): void {
    if (this.#isBeating) {
      this.#isDue = true
      return
    }
    this.#cancel()
    this.#isBeating = true
    this.#beatOnce()
      .then(
        () => this.#interval,
        () => RETRY,
      )
      .then((pause) => {
        this.#isBeating = false
        if (!this.#isClosed) this.#cancel = this.#clock.after(this.#isDue ? 0 : pause, () => this.beat())
        this.#isDue = false
      })
  }

  /** Rejects when it is not heard: the owners count as here for as long as the lease holds. */
  async #beatOnce(): Promise<void> {
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
