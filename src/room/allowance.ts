import type { Clock } from './ports.ts'

/** Tokens of a bucket: so many at once, and so many more a second. */
export interface Rate {
  readonly burst: number
  readonly rate: number
}

/** A token bucket. Who has a token left may take more than there are, and goes into debt: the next has to wait for longer. */
export class Allowance {
  readonly #clock: Pick<Clock, 'now'>
  readonly #burst: number
  readonly #rate: number
  #left: number
  #at: number

  constructor(clock: Pick<Clock, 'now'>, { burst, rate }: Rate) {
    this.#clock = clock
    this.#burst = burst
    this.#rate = rate
    this.#left = burst
    this.#at = clock.now()
  }

  /** False, and nothing is taken, when there is none left. */
  take(amount = 1): boolean {
    if (this.left < 1) return false
    this.#left -= amount
    return true
  }

  /** Takes `amount`, whether or not it is there. No debt is larger than the burst, so that it is paid off in foreseeable time. */
  charge(amount: number): void {
    this.#left = Math.max(-this.#burst, this.left - amount)
  }

  /** Milliseconds until `amount` is left, or the burst where that is less. */
  wait(amount: number): number {
    const missing = Math.min(amount, this.#burst) - this.left
    return missing <= 0 ? 0 : Math.ceil((missing / this.#rate) * 1000)
  }

  get isFull(): boolean {
    return this.left >= this.#burst
  }

  /** All that may be owed is owed. */
  get isExhausted(): boolean {
    return this.left <= -this.#burst
  }

  get left(): number {
    const now = this.#clock.now()
    this.#left = Math.min(this.#burst, this.#left + (Math.max(0, now - this.#at) / 1000) * this.#rate)
    this.#at = now
    return this.#left
  }
}
