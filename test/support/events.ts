import { vi } from 'vitest'
import type { Stop } from '../../src/sdk/types.ts'

/** Resolves with the first value of `event` that `accepts` takes. */
export function happening<E extends string, V>(
  member: { when(event: E, handler: (value: V) => void): Stop },
  event: E,
  accepts: (value: V) => boolean = () => true,
): Promise<V> {
  return new Promise((resolve) => {
    const stop = member.when(event, (value) => {
      if (!accepts(value)) return
      stop()
      resolve(value)
    })
  })
}

/** Resolves when `holds` does, looked at again and again; rejects after `ms`. For what tells nobody when it changes. */
export async function until(holds: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const end = Date.now() + ms
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Resolves with what `look` returns when it throws no more; rejects with what it throws after 20 s. */
export function eventually<T>(look: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(look, { timeout: 20_000, interval: 20 })
}
