import type { Stop } from './types.ts'

export type Handler = (...values: never[]) => unknown

/** Functions under names. One that throws, or rejects, is given to `onThrow`, and stops no other. */
export class Handlers {
  readonly #byName = new Map<string, Set<Handler>>()
  readonly #onThrow: (error: unknown, name: string) => void

  constructor(onThrow: (error: unknown, name: string) => void) {
    this.#onThrow = onThrow
  }

  add(name: string, handler: Handler): Stop {
    // A wrapper of its own, so that the same function added twice is stopped twice.
    const own: Handler = (...values) => handler(...values)
    const handlers = this.#byName.get(name) ?? new Set()
    this.#byName.set(name, handlers.add(own))
    return () => {
      handlers.delete(own)
      if (handlers.size === 0 && this.#byName.get(name) === handlers) this.#byName.delete(name)
    }
  }

  has(name: string): boolean {
    return this.#byName.has(name)
  }

  /** Runs those that are there now: one that another adds has its turn the next time. */
  run(name: string, ...values: unknown[]): void {
    const handlers = this.#byName.get(name) ?? new Set()
    for (const handler of [...handlers]) if (handlers.has(handler)) this.call(name, handler, values)
  }

  call(name: string, handler: Handler, values: readonly unknown[]): void {
    try {
      const outcome = handler(...(values as never[]))
      if (outcome instanceof Promise) outcome.catch((error) => this.#onThrow(error, name))
    } catch (error) {
      this.#onThrow(error, name)
    }
  }
}
