import { setTimeout as sleep } from 'node:timers/promises'
import { table } from '../table.ts'
import { percentile, type RunningHouse, startHouse, until } from './house.ts'
import { RawClient } from './raw-client.ts'

const LISTENERS = 200
const SLOW = 5
const RATE = 200
const ROUNDS = 5
const PAYLOAD = 'x'.repeat(2000)

/** 200 listeners of which 5 never read, beside 200 that do: memory, the latency of the others, and the way back. */
export async function slowListeners(seconds: number): Promise<string> {
  const rounds = []
  // In turns, since a bad moment of the machine is longer than what is looked for.
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({ without: await measure(0, seconds / ROUNDS), beside: await measure(SLOW, seconds / ROUNDS) })
  }
  const long = await measure(SLOW, seconds)
  const rows = rounds.map(({ without, beside }, round) => [
    `round ${round + 1}`,
    `${without.p50.toFixed(2)}, ${without.p99.toFixed(2)}`,
    `${beside.p50.toFixed(2)}, ${beside.p99.toFixed(2)}`,
    (beside.p99 / without.p99).toFixed(2),
  ])
  const head = ['p50, p99 in ms', 'all read', `${SLOW} never read, the others`, 'p99 to p99']
  return [
    `## Slow listeners: ${SLOW} of ${LISTENERS}, ${RATE} broadcasts/s of 2 KB`,
    table(head, rows),
    `Server over ${seconds} s, MiB: ${long.memory.map((mebibytes) => mebibytes.toFixed(0)).join(' ')}`,
    `One that reads again has the newest state after ${long.back?.toFixed(0)} ms.\n`,
  ].join('\n\n')
}

async function measure(slow: number, seconds: number) {
  // Kept for all of it: by default they would be closed after 30 s in which they take nothing.
  const house = await startHouse({ LOG: 'memory', WRITE_DEADLINE_SECONDS: '300' })
  const owner = await RawClient.open(house.url)
  const listeners = await Promise.all(Array.from({ length: LISTENERS }, () => RawClient.join(house.url, owner.uuid)))
  const latencies: number[] = []
  const stuck = listeners.slice(0, slow)
  for (const listener of listeners.slice(slow)) {
    listener.onFrame = (frame) => void latencies.push(performance.now() - sentAtOf(frame))
  }
  for (const { ws } of stuck) ws.pause()
  const memory = await broadcast(owner, house, seconds)
  owner.say('slide', ['newest'], { stateMessage: true })
  const back = stuck.length > 0 ? await comeBack(stuck[0]!) : undefined
  const figures = { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), memory, back }
  for (const client of [owner, ...listeners]) client.end()
  await house.end()
  return figures
}

async function broadcast(owner: RawClient, house: RunningHouse, seconds: number): Promise<number[]> {
  const memory: number[] = []
  const from = performance.now()
  for (let sent = 0; sent < seconds * RATE; sent++) {
    const due = from + (sent * 1000) / RATE
    if (due > performance.now()) await sleep(due - performance.now())
    owner.say('pointer', [`~${performance.now().toFixed(3)}~${PAYLOAD}`])
    if (sent % Math.ceil((RATE * seconds) / 6) === 0) memory.push(house.memory())
  }
  return [...memory, house.memory()]
}

/** Milliseconds from when it reads again until it has the newest state. */
async function comeBack({ ws }: RawClient): Promise<number> {
  let hasNewest = false
  ws.on('message', (data) => {
    hasNewest ||= String(data).includes('"newest"')
  })
  const from = performance.now()
  ws.resume()
  await until(() => hasNewest, 10_000)
  return performance.now() - from
}

function sentAtOf(frame: Buffer): number {
  const start = frame.indexOf('~') + 1
  return Number(frame.toString('latin1', start, frame.indexOf('~', start)))
}
