import type { Random } from '../support/random.ts'

/** Harm that is done, and undone again when it resolves. */
export type Fault = (random: Random) => Promise<void>

/** Servers, and what can happen to them. */
export interface Ground {
  /** Where clients connect: a balancer, where there are several servers. */
  readonly url: string
  /** Of each server. */
  readonly addresses: readonly string[]
  readonly faults: Readonly<Record<string, Fault>>
  /** Seconds that a room waits for its owner. */
  readonly grace: number
  /** Milliseconds that shows have to be silent for now and then, so that a room can be put to sleep. */
  readonly silence?: number
  /** What is stored of rooms, beside those that `uuids` names; empty: nothing. */
  leftovers(uuids: readonly string[]): Promise<readonly string[]>
  /** What has happened that should never: a process that ended by itself. */
  accidents(): readonly string[]
  stop(): Promise<void>
}

export const seconds = (random: Random, least: number, most: number) =>
  least + random.below(1000) * ((most - least) / 1000)

export function sleep(s: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000 * s))
}
