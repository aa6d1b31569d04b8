import type { Answer } from '../logs/redis/nodes.ts'
import type { Problem } from '../protocol/codes.ts'
import type { RoomHouse } from '../room/house.ts'
import type { Nodes, RoomLog } from '../room/ports.ts'
import type { SystemClock } from './clock.ts'
import type { Config } from './config.ts'
import { explain, openLog } from './log.ts'
import { openRedis } from './redis.ts'

/** Where this server's rooms are kept. */
export interface Store {
  readonly log: RoomLog
  /** The other servers that keep theirs in the same place. */
  readonly nodes?: Nodes
  /** Why it can be neither written nor read; undefined: it can. */
  ailment?(): Problem | undefined
  close(): Promise<void>
}

export interface StoreHouse extends Pick<RoomHouse, 'limits' | 'budget' | 'secrets'> {
  readonly clock: SystemClock
  /** This server's name among those over the same store. */
  readonly node: string
  /** Answers what the other servers ask. */
  readonly answer: Answer
}

/** Opens the store that the configuration asks for. Rejects with an `Error` that says what is wrong with it. */
export async function openStore(config: Config, house: StoreHouse): Promise<Store> {
  if (config.redis !== undefined) return openRedis(config.redis, { ...house, maxRooms: config.maxRooms })
  const log = openLog(config, house, (error) => console.error(`the log failed: ${explain(error)}`))
  return { log, close: () => log.close() }
}
