import { startRedis } from '../../support/redis.ts'
import { Fleet } from '../fleet.ts'
import { type Ground, seconds, sleep } from '../ground.ts'
import { roomKeysBeside } from './room-keys.ts'

const GRACE = 20

/** Three servers over one Redis that keeps each write before it answers. */
export async function redisGround(): Promise<Ground> {
  const redis = await startRedis()
  const fleet = await Fleet.start(3, { REDIS_URL: redis.url, GRACE_SECONDS: `${GRACE}` })
  return {
    url: fleet.url,
    addresses: fleet.addresses,
    grace: GRACE,
    faults: {
      ...fleet.faults,
      'Redis is killed': async (random) => {
        await redis.kill()
        await sleep(seconds(random, 0, 2))
        await redis.restart()
      },
      'Redis hangs': async (random) => {
        redis.pause()
        await sleep(seconds(random, 0.5, 6))
        redis.resume()
      },
      'the connections to Redis are cut': async () => {
        await redis.cutConnections()
      },
    },
    leftovers: async (uuids) => roomKeysBeside(uuids, await redis.keys()),
    accidents: () => fleet.accidents,
    stop: () => fleet.stop().finally(() => redis.stop()),
  }
}
