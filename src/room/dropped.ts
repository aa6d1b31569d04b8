import type { Client } from './client.ts'
import type { Members } from './members.ts'
import type { Cancel, Clock } from './ports.ts'

/** Milliseconds between two reports. */
const PAUSE = 100

/** Counts the feedback that an owner could not take, and tells it as soon as its line has room for that (C7). */
export class Dropped {
  readonly #clock: Clock
  readonly #members: Members
  readonly #isFull: (owner: Client) => boolean
  #owner: Client | undefined
  #count = 0
  #cancel: Cancel | undefined

  constructor(clock: Clock, members: Members, isFull: (owner: Client) => boolean) {
    this.#clock = clock
    this.#members = members
    this.#isFull = isFull
  }

  /** One message to `owner` was dropped. */
  add(owner: Client): void {
    if (owner !== this.#owner) this.stop()
    this.#owner = owner
    this.#count++
    this.report()
  }

  /** Tells the owner in a moment, if there is something to tell and its line takes it. Else this is to be called again then. */
  report(): void {
    const owner = this.#owner
    if (owner === undefined || this.#cancel !== undefined || this.#isFull(owner)) return
    this.#cancel = this.#clock.after(PAUSE, () => {
      this.#cancel = undefined
      if (this.#members.owner !== owner) return this.stop()
      if (this.#isFull(owner)) return
      const count = this.#count
      this.stop()
      this.#members.tell(owner, { type: 'feedback_dropped', count })
    })
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#owner = undefined
    this.#count = 0
  }
}
