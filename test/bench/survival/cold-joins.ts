import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { table } from '../table.ts'
import { percentile, startHouse, until } from './house.ts'
import { RawClient } from './raw-client.ts'

const ENTRIES = 9800

/** Small enough that a room of `ENTRIES` is not kept when it is empty: each join reads it in. */
const SCANT_MEMORY = String(32 * 1024 * 1024)

/** What a room pays for another, large one, that a client joins and leaves without end: acknowledgements beside it. */
export async function coldJoins(seconds: number): Promise<string> {
  const rows = []
  for (const [name, env, joins] of [
    ['nobody else', {}, false],
    ['a client joins and leaves a large room', {}, true],
    ['the same, and the room is not kept', { MEMORY_BYTES: SCANT_MEMORY }, true],
  ] as const) {
    const house = await startHouse({ LOG: 'sqlite', STATE_BYTES: String(4 * 1024 * 1024), ...env })
    const large = await filled(house.url)
    const quiet = await RawClient.open(house.url)
    let count = 0
    let isOver = false
    const from = house.cpu()
    const joining = (async () => {
      while (joins && !isOver) {
        await joinAndLeave(house.url, large)
        count++
      }
    })()
    const times = await acknowledged(quiet, seconds)
    isOver = true
    await joining
    const cpu = house.cpu() - from
    const figures = [0.5, 0.99, 1].map((share) => percentile(times, share).toFixed(1))
    rows.push([name, ...figures, String(count), ((1000 * cpu) / Math.max(count, 1)).toFixed(1)])
    await house.end()
  }
  const head = ['beside', 'ack p50, ms', 'p99', 'longest', 'joins', 'CPU ms a join, all in it']
  return `## A room of ${ENTRIES} state messages, joined and left\n\n${table(head, rows)}\n`
}

/** The uuid of a room that waits for its owner. */
async function filled(url: string): Promise<string> {
  const owner = await RawClient.open(url)
  let acked = 0
  owner.onFrame = (frame) => {
    if (frame.includes('"ack"')) acked++
  }
  for (let n = 0; n < ENTRIES; n++) {
    owner.say('small', [n], { stateMessage: true, stateKey: `k${n}`, id: `${n}` })
    if (n % 100 === 99) await until(() => acked >= n - 400, 10_000)
  }
  await until(() => acked === ENTRIES, 30_000)
  owner.end()
  await sleep(500)
  return owner.uuid
}

async function joinAndLeave(url: string, uuid: string): Promise<void> {
  const client = await RawClient.join(url, uuid)
  client.end()
  await once(client.ws, 'close')
  await sleep(20)
}

/** Milliseconds of each of the state broadcasts that are made in so many seconds, a hundred a second. */
async function acknowledged(owner: RawClient, seconds: number): Promise<number[]> {
  const times: number[] = []
  const end = performance.now() + 1000 * seconds
  for (let n = 0; performance.now() < end; n++) {
    const from = performance.now()
    const answer = once(owner.ws, 'message')
    owner.say('slide', [n], { stateMessage: true, id: `${n}` })
    await answer
    times.push(performance.now() - from)
    await sleep(10)
  }
  return times
}
