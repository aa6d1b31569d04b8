import { type Figures, generate } from '../generate.ts'
import { type CountedRedis, startCountedRedis } from '../redis.ts'
import { appendCosts, type RedisCosts } from '../redis-costs.ts'
import { roomcast } from '../servers.ts'
import { type RunningHouse, startHouse } from '../survival/house.ts'
import type { Situation } from './situations.ts'

export interface Measured {
  readonly figures: Figures
  readonly redis: RedisCosts
  /** Of all publishes there were, for each broadcast that there was. */
  readonly publishesEach: number
  /** Messages that Redis wrote to nodes, for each broadcast. */
  readonly messagesEach: number
}

export interface Measuring {
  /** The load generator's program. */
  readonly generator: string
  readonly seconds: number
}

/** One room with its listeners on so many nodes in turns, its owner on the first, over a Redis that is new. */
export async function measure(nodes: number, situation: Situation, measuring: Measuring): Promise<Measured> {
  const redis = await startCountedRedis('everysec')
  const houses: RunningHouse[] = []
  try {
    const env = { REDIS_URL: redis.url, REDIS_START: 'exit' }
    while (houses.length < nodes) houses.push(await startHouse(env, situation.core))
    return await generateOver(houses, redis, situation, measuring)
  } finally {
    await Promise.all(houses.map((house) => house.end()))
    await redis.end()
  }
}

async function generateOver(
  houses: readonly RunningHouse[],
  redis: CountedRedis,
  { listeners, traffic }: Situation,
  { generator, seconds }: Measuring,
): Promise<Measured> {
  const ask = () => Promise.all([redis.counts(), redis.hearers()])
  const answers: ReturnType<typeof ask>[] = []
  const [first, ...others] = houses.map(({ pid }) => pid)
  const { figures } = await generate({
    program: generator,
    entry: roomcast,
    load: { listeners, traffic, seconds, drainSeconds: 4, joinsInFlight: 400, about: 'fan-out' },
    port: houses[0]!.port,
    listenerPorts: houses.map(({ port }) => port),
    serverPids: [first!, ...others],
    besidePid: redis.pid,
    onPhase: () => {
      const answer = ask()
      // Where the generator fails, nobody awaits it.
      answer.catch(() => {})
      answers.push(answer)
    },
  })
  const [begun, drained] = await Promise.all(answers)
  const [before, hearers] = begun!
  const [after] = drained!
  // Since the start of Redis: while a room is opened and joined nothing is published, so that this is exact.
  const publishesEach = after.publishes / figures.sent
  return {
    figures,
    redis: appendCosts(before, after),
    publishesEach,
    // Of the one room there is. This Redis does not count them itself.
    messagesEach: publishesEach * Math.max(0, ...hearers),
  }
}
