import { totalmem } from 'node:os'
import { getHeapStatistics } from 'node:v8'

/** The part of V8's heap that rooms and queues may have: what they hold is strings and objects, for the most part. */
const OF_HEAP = 0.6

/**
 * What rooms and queues may hold in memory where nobody has said, in bytes: half of what the machine has, or its container
 * (a limit of cgroups), and no more than goes into V8's heap (`--max-old-space-size`).
 */
export function defaultMemory(): number {
  const container = process.constrainedMemory() || Infinity
  const machine = Math.min(totalmem(), container)
  return Math.floor(Math.min(machine / 2, OF_HEAP * getHeapStatistics().heap_size_limit))
}
