import { Ingest } from '../logs/redis/ingest.ts'
import { RedisNodes } from '../logs/redis/nodes.ts'
import { RedisLog } from '../logs/redis.ts'
import type { Problem } from '../protocol/codes.ts'
import type { RedisConfig } from './config.ts'
import { NodeRedisDriver } from './redis-driver.ts'
import type { Store, StoreHouse } from './store.ts'

/** Opens the rooms in Redis. Rejects where that is out of reach and the configuration says not to wait for it. */
export async function openRedis(
  config: RedisConfig,
  house: StoreHouse & { readonly maxRooms: number },
): Promise<Store> {
  const { limits, budget, secrets, clock, maxRooms, node, answer } = house
  const { prefix } = config
  const driver = new NodeRedisDriver({
    ...config,
    onNews: (news) => console.error(`${new Date().toISOString()} ${news}`),
  })
  const log = new RedisLog(driver, { limits, budget, maxRooms, secrets, clock, soon: clock.ahead, prefix, node })
  const nodes = new RedisNodes(driver, clock, prefix, node, answer)
  const ingest = config.ingest
    ? new Ingest(driver, { clock, log, prefix, node, messageBytes: limits.messageBytes })
    : undefined
  if (config.start === 'exit') await driver.connect()
  else void driver.connectInTime()
  nodes.open()
  return { log, nodes, ailment, close }

  function ailment(): Problem | undefined {
    const message = driver.ailment
    return message === undefined ? undefined : { code: 'log_unavailable', message, retryAfter: 1000 }
  }

  async function close(): Promise<void> {
    await ingest?.close()
    await nodes.close()
    await log.close()
  }
}
