import type { Budget } from './budget.ts'
import type { RoomLimits } from './limits.ts'
import type { Clock, Nodes, RoomLog, Secrets } from './ports.ts'
import type { Writer } from './writer.ts'

/** What a server's rooms are made with, the same for all of them. */
export interface RoomHouse {
  readonly log: RoomLog
  readonly clock: Clock
  readonly writer: Writer
  readonly limits: RoomLimits
  /** Of all that this server holds in memory for its rooms and in its queues. */
  readonly budget: Budget
  readonly secrets: Secrets
  /** Absent where this server is the only one over its log. */
  readonly nodes?: Nodes | undefined
}
