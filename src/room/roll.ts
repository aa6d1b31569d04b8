import type { RoomEvent } from '../protocol/messages.ts'
import type { Cancel, Clock } from './ports.ts'

/** Milliseconds between two reports: soon enough to be watched, seldom enough for ten thousand who join at once. */
const PAUSE = 100

/** Client ids in one report; who is past it is counted and not named. */
const NAMES = 100

/** Tells the owner who comes and goes, many in one event. */
export class Roll {
  readonly #clock: Clock
  readonly #report: (event: RoomEvent) => void
  readonly #count: () => number
  #joined = new Set<string>()
  #left = new Set<string>()
  #cancel: Cancel | undefined

  constructor(clock: Clock, count: () => number, report: (event: RoomEvent) => void) {
    this.#clock = clock
    this.#count = count
    this.#report = report
  }

  joined(id: string): void {
    if (this.#joined.size < NAMES) this.#joined.add(id)
    this.#schedule()
  }

  left(id: string): void {
    const cameAndWent = this.#joined.delete(id)
    if (!cameAndWent && this.#left.size < NAMES) this.#left.add(id)
    this.#schedule()
  }

  /** Reports at once, `present` as those who joined: for an owner who has just come. */
  restart(present: Iterable<string>): void {
    this.stop()
    this.#left = new Set()
    this.#joined = new Set()
    for (const id of present) {
      if (this.#joined.size === NAMES) break
      this.#joined.add(id)
    }
    this.#flush()
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #schedule(): void {
    this.#cancel ??= this.#clock.after(PAUSE, () => this.#flush())
  }

  #flush(): void {
    this.#cancel = undefined
    this.#report({ type: 'listeners', count: this.#count(), joined: [...this.#joined], left: [...this.#left] })
    this.#joined = new Set()
    this.#left = new Set()
  }
}
