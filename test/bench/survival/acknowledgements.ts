import { setTimeout as sleep } from 'node:timers/promises'
import { appendCosts, type RedisCosts } from '../redis-costs.ts'
import { median } from '../results.ts'
import { table } from '../table.ts'
import { percentile, type RunningHouse, startHouse } from './house.ts'
import { type Log, logs } from './logs.ts'
import { RawClient } from './raw-client.ts'

const PAYLOAD = 'x'.repeat(120)
const SECONDS = 4

interface Situation {
  readonly rooms: number
  /** Broadcasts that each owner has under way at one time: the SDK may have many in a burst. */
  readonly underWay: number
}

const situations: readonly Situation[] = [
  { rooms: 1, underWay: 1 },
  { rooms: 1, underWay: 32 },
  { rooms: 100, underWay: 1 },
]

interface Figures {
  readonly perSecond: number
  readonly cpu: number
  readonly p50: number
  readonly p99: number
  readonly redis?: RedisCosts
}

/** State broadcasts acknowledged a second with each log, and how long an answer takes; of Redis, what an append costs there. */
export async function acknowledgements(rounds: number): Promise<string> {
  const parts = []
  for (const situation of situations) {
    const seen = new Map<string, Figures[]>(Object.keys(logs).map((name) => [name, []]))
    // In turns, since a bad moment of the machine is longer than one measurement.
    for (let round = 0; round < rounds; round++) {
      for (const [name, makeLog] of Object.entries(logs)) seen.get(name)!.push(await inHouse(makeLog, situation))
    }
    const { rooms, underWay } = situation
    parts.push(
      `### ${rooms} room${rooms > 1 ? 's' : ''}, ${underWay} under way in each`,
      figuresTable(seen),
      costsTable(seen),
    )
  }
  return `## State broadcasts acknowledged\n\n${parts.join('\n\n')}\n`
}

function figuresTable(seen: ReadonlyMap<string, readonly Figures[]>): string {
  const base = [...seen.values()][0]!
  const rows = [...seen].map(([name, figures]) => [
    name,
    middle(figures, ({ perSecond }) => perSecond).toFixed(0),
    middle(figures, ({ perSecond }, round) => perSecond / base[round]!.perSecond).toFixed(2),
    middle(figures, ({ cpu }) => cpu).toFixed(1),
    middle(figures, ({ p50 }) => p50).toFixed(2),
    middle(figures, ({ p99 }) => p99).toFixed(2),
  ])
  return table(['log', 'acknowledged/s', 'of memory', 'CPU µs each', 'p50 ms', 'p99 ms'], rows)
}

function costsTable(seen: ReadonlyMap<string, readonly Figures[]>): string {
  const rows = [...seen].flatMap(([name, figures]) => {
    const costs = figures.flatMap(({ redis }) => redis ?? [])
    if (costs.length === 0) return []
    const of = (pick: (costs: RedisCosts) => number, digits: number) => middle(costs, pick).toFixed(digits)
    return [[name, of(({ cpu }) => cpu, 1), of(({ script }) => script, 1), of(({ perScript }) => perScript, 1)]]
  })
  return table(['of an append', "Redis' CPU µs", 'µs in its script', 'appends a call'], rows)
}

async function inHouse(makeLog: () => Promise<Log>, situation: Situation): Promise<Figures> {
  const log = await makeLog()
  try {
    const house = await startHouse(log.env)
    try {
      return await measure(house, log, situation)
    } finally {
      await house.end()
    }
  } finally {
    await log.end()
  }
}

async function measure(house: RunningHouse, { redis }: Log, { rooms, underWay }: Situation): Promise<Figures> {
  const owners = await Promise.all(Array.from({ length: rooms }, () => RawClient.open(house.url)))
  const latencies: number[] = []
  let isOver = false
  let count = 0
  for (const owner of owners) {
    const sentAt = new Map<string, number>()
    const say = () => {
      const id = String(++count)
      sentAt.set(id, performance.now())
      owner.say(`key${count % 50}`, [PAYLOAD], { stateMessage: true, id })
    }
    owner.onFrame = (frame) => {
      const { event } = JSON.parse(String(frame))
      if (event?.type !== 'ack') return
      latencies.push(performance.now() - sentAt.get(event.id)!)
      sentAt.delete(event.id)
      if (!isOver) say()
    }
    for (let n = 0; n < underWay; n++) say()
  }
  const before = await redis?.counts()
  const [cpu, from, earlier] = [house.cpu(), performance.now(), latencies.length]
  await sleep(SECONDS * 1000)
  const seconds = (performance.now() - from) / 1000
  const acknowledged = latencies.length - earlier
  const used = house.cpu() - cpu
  const after = await redis?.counts()
  isOver = true
  for (const owner of owners) owner.end()
  return {
    perSecond: acknowledged / seconds,
    cpu: (used * 1e6) / acknowledged,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    ...(before && after && { redis: appendCosts(before, after) }),
  }
}

function middle<T>(values: readonly T[], pick: (value: T, index: number) => number): number {
  return median(values.map(pick)) ?? Number.NaN
}
