import { setTimeout as sleep } from 'node:timers/promises'
import { table } from '../table.ts'
import { percentile, type RunningHouse, startHouse } from './house.ts'
import { RawClient } from './raw-client.ts'

/** Broadcasts that an owner has under way at one time, as the SDK may have in a burst. */
const UNDER_WAY = 32
const PAYLOAD = 'x'.repeat(120)
const SECONDS = 4

const logs = {
  memory: { LOG: 'memory' },
  'SQLite, normal': { LOG: 'sqlite', SYNCHRONOUS: 'normal' },
  'SQLite, full': { LOG: 'sqlite', SYNCHRONOUS: 'full' },
}

/** State broadcasts acknowledged a second, by one room and by a hundred, and how long an answer takes. */
export async function acknowledgements(rounds: number): Promise<string> {
  const rows = []
  for (const rooms of [1, 100]) {
    const seen = new Map<string, Figures[]>()
    for (let round = 0; round < rounds; round++) {
      for (const [name, env] of Object.entries(logs)) {
        const house = await startHouse(env)
        seen.set(name, [...(seen.get(name) ?? []), await measure(house, rooms)])
        await house.end()
      }
    }
    const base = median(seen.get('memory')!.map(({ perSecond }) => perSecond))
    for (const [name, figures] of seen) {
      const of = (pick: (figures: Figures) => number) => median(figures.map(pick))
      const perSecond = of((figure) => figure.perSecond)
      rows.push([
        `${rooms} room${rooms > 1 ? 's' : ''}, ${name}`,
        perSecond.toFixed(0),
        (perSecond / base).toFixed(2),
        of(({ cpu }) => cpu).toFixed(1),
        of(({ p50 }) => p50).toFixed(2),
        of(({ p99 }) => p99).toFixed(2),
      ])
    }
  }
  const head = ['log', 'acknowledged/s', 'of memory', 'CPU µs each', 'p50 ms', 'p99 ms']
  return `## State broadcasts acknowledged, ${UNDER_WAY} under way in all\n\n${table(head, rows)}\n`
}

interface Figures {
  readonly perSecond: number
  readonly cpu: number
  readonly p50: number
  readonly p99: number
}

async function measure(house: RunningHouse, rooms: number): Promise<Figures> {
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
    for (let n = 0; n < Math.max(1, UNDER_WAY / rooms); n++) say()
  }
  const [cpu, from] = [house.cpu(), performance.now()]
  await sleep(SECONDS * 1000)
  const seconds = (performance.now() - from) / 1000
  isOver = true
  const figures = {
    perSecond: latencies.length / seconds,
    cpu: ((house.cpu() - cpu) * 1e6) / latencies.length,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
  }
  for (const owner of owners) owner.end()
  return figures
}

function median(values: number[]): number {
  return percentile(values, 0.5)
}
