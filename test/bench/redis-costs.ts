import type { RedisCounts } from './redis.ts'

/** What Redis did for each append, which is what publishes it. */
export interface RedisCosts {
  /** Microseconds of processor time, of all that Redis does for it: its sockets and its file as well. */
  readonly cpu: number
  /** Microseconds by the clock in the script that appends: more than it works for, where another has its core. */
  readonly script: number
  /** Appends that came in one call. */
  readonly perScript: number
  readonly bytesIn: number
  readonly bytesOut: number
}

/** What each append cost between two counts. */
export function appendCosts(before: RedisCounts, after: RedisCounts): RedisCosts {
  const grown = (count: keyof RedisCounts) => after[count] - before[count]
  const appends = grown('publishes')
  return {
    cpu: (grown('cpu') * 1e6) / appends,
    script: (grown('scriptSeconds') * 1e6) / appends,
    perScript: appends / grown('scripts'),
    bytesIn: grown('bytesIn') / appends,
    bytesOut: grown('bytesOut') / appends,
  }
}
