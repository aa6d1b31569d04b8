import { RedisLog } from '../../src/logs/redis.ts'
import { systemClock } from '../../src/node/clock.ts'
import { NodeRedisDriver } from '../../src/node/redis-driver.ts'
import type { RoomLimits } from '../../src/room/limits.ts'
import { CONTRACT_LIMITS } from '../contracts/room-log.ts'

let names = 0

/** A prefix that no other test uses. */
export function freshPrefix(): string {
  return `test${++names}:`
}

export interface RedisLogOptions {
  readonly isCluster?: boolean
  readonly prefix?: string
  readonly limits?: RoomLimits
  readonly maxRooms?: number
  readonly lease?: number
  /** Milliseconds that its clock is ahead of the others'. */
  readonly ahead?: number
}

/** The log of one node, connected, with what the driver says kept in `news`. */
export async function openRedisLog(urls: readonly string[], options: RedisLogOptions = {}) {
  const {
    isCluster = false,
    prefix = freshPrefix(),
    limits = CONTRACT_LIMITS,
    maxRooms = 100,
    lease,
    ahead = 0,
  } = options
  const news: string[] = []
  const driver = new NodeRedisDriver({ urls: urls as [string], isCluster, onNews: (line) => news.push(line) })
  await driver.connect()
  const log = new RedisLog(driver, {
    limits,
    maxRooms,
    secrets: { uuid: () => crypto.randomUUID() },
    clock: { ...systemClock, now: () => systemClock.now() + ahead },
    soon: systemClock.sooner,
    prefix,
    node: `node${++names}`,
    ...(lease !== undefined && { lease }),
  })
  return { log, driver, news }
}
