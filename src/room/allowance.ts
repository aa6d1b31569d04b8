import type { Clock } from './ports.ts'

/** A token bucket: `burst` at once, refilled by `rate` a second. */
export class Allowance {
  readonly #clock: Clock
  readonly #burst: number
  readonly #rate: number
  #left: number
  #at: number

  constructor(clock: Clock, { burst, rate }: { burst: number; rate: number }) {
    this.#clock = clock
    this.#burst = burst
    this.#rate = rate
    this.#left = burst
    this.#at = clock.now()
  }

  /** False when there is none left. */
  take(): boolean {
    const now = this.#clock.now()
    this.#left = Math.min(this.#burst, this.#left + (Math.max(0, now - this.#at) / 1000) * this.#rate)
    this.#at = now
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}
