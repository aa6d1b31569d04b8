import { Allowance, type Rate } from './allowance.ts'
import type { Clock } from './ports.ts'

/** How much may be said, in messages and in bytes: a token bucket of each, and both have to have some left. */
export class Pace {
  readonly #messages: Allowance
  readonly #bytes: Allowance

  constructor(clock: Pick<Clock, 'now'>, messages: Rate, bytes: Rate) {
    this.#messages = new Allowance(clock, messages)
    this.#bytes = new Allowance(clock, bytes)
  }

  /** One more may be said now. */
  get isOpen(): boolean {
    return this.#messages.left >= 1 && this.#bytes.left >= 1
  }

  /** Takes a message of so many bytes, or one that counts as several. False, and nothing is taken, where none may be said. */
  take(bytes: number, messages = 1): boolean {
    if (!this.isOpen) return false
    this.#messages.take(messages)
    this.#bytes.take(bytes)
    return true
  }

  /** Takes a message of so many bytes, whether or not it may be said. */
  charge(bytes: number): void {
    this.#messages.charge(1)
    this.#bytes.charge(bytes)
  }

  /** Milliseconds until so many messages, of so many bytes together, may be said. */
  wait(messages = 1, bytes = 1): number {
    return Math.max(this.#messages.wait(messages), this.#bytes.wait(bytes))
  }

  /** As if nothing had been said for long. */
  get isFull(): boolean {
    return this.#messages.isFull && this.#bytes.isFull
  }

  /** All that may be owed is owed. */
  get isExhausted(): boolean {
    return this.#messages.isExhausted || this.#bytes.isExhausted
  }
}
