import type { Cancel, Clock, RoomLog } from './ports.ts'

/** Milliseconds between two tries: at first, and at most. */
const PAUSE = { first: 500, most: 10_000 }

/** Rooms that are told of in one try. */
const AT_ONCE = 1000

/**
 * Owners that have left, until the log has been told: a room whose log takes its owner to be here never ends. What the log
 * does not take is told again, with the time of then: while it cannot be written, no owner can come back either (E2).
 */
export class Departures {
  readonly #log: RoomLog
  readonly #clock: Clock
  /** The newest term of each room whose owner has left, and whose log has not taken it. */
  readonly #untold = new Map<string, number>()
  #pause = PAUSE.first
  #cancel: Cancel | undefined
  #isClosed = false

  constructor(log: RoomLog, clock: Clock) {
    this.#log = log
    this.#clock = clock
  }

  /** The owner of `term` is not here any more. */
  tell(uuid: string, term: number): void {
    void this.#tell(uuid, term)
  }

  /** The server stops: a log that outlives it finds out by itself. */
  close(): void {
    this.#isClosed = true
    this.#cancel?.()
    this.#untold.clear()
  }

  /** False: the log has not taken it, and it will be told again. */
  async #tell(uuid: string, term: number): Promise<boolean> {
    try {
      await this.#log.ownerLeft(uuid, term, this.#clock.now())
      return true
    } catch {
      if (this.#isClosed) return false
      this.#untold.set(uuid, Math.max(term, this.#untold.get(uuid) ?? 0))
      this.#cancel ??= this.#clock.after(this.#pause, () => void this.#tellAgain())
      return false
    }
  }

  async #tellAgain(): Promise<void> {
    this.#pause = Math.min(2 * this.#pause, PAUSE.most)
    this.#cancel = undefined
    const some = [...this.#untold].slice(0, AT_ONCE)
    for (const [uuid] of some) this.#untold.delete(uuid)
    const told = await Promise.all(some.map(([uuid, term]) => this.#tell(uuid, term)))
    if (told.includes(true)) this.#pause = PAUSE.first
    if (this.#isClosed || this.#untold.size === 0) return
    this.#cancel ??= this.#clock.after(this.#pause, () => void this.#tellAgain())
  }
}
