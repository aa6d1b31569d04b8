import type { Stop } from './types.ts'

/** Functions under names. One that throws is given to `onThrow`, and stops no other. */
export class Handlers {
  readonly #byName = new Map<string, Set<(...values: never[]) => void>>()
  readonly #onThrow: (error: unknown, name: string) => void

  constructor(onThrow: (error: unknown, name: string) => void) {
    this.#onThrow = onThrow
  }

  add(name: string, handler: (...values: never[]) => void): Stop {
    // A wrapper of its own, so that the same function added twice is stopped twice.
    const own = (...values: never[]) => handler(...values)
    const handlers = this.#byName.get(name) ?? new Set()
    this.#byName.set(name, handlers.add(own))
    return () => void handlers.delete(own)
  }

  has(name: string): boolean {
    return (this.#byName.get(name)?.size ?? 0) > 0
  }

  run(name: string, ...values: unknown[]): void {
    for (const handler of this.#byName.get(name) ?? []) {
      try {
        handler(...(values as never[]))
      } catch (error) {
        this.#onThrow(error, name)
      }
    }
  }
}
