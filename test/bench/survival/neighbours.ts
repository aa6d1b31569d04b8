import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { table } from '../table.ts'
import { percentile, startHouse } from './house.ts'
import { RawClient } from './raw-client.ts'

const SECONDS = 5

/** The defaults, which the other scenarios lift. */
const BOUNDED = { BROADCAST_RATE: '2000', BROADCAST_BYTES: '4194304' }

/** What `flood.ts` does in another thread: a room of its own, and that many clients that send the text without end, or at a rate. */
export interface Flood {
  readonly title: string
  readonly by: 'owner' | 'listeners'
  readonly clients: number
  readonly what: 'broadcast' | 'ping' | 'taken' | 'feedback'
  /** Characters of a parameter. */
  readonly size: number
  /** Messages a second of each; absent: as many as the line takes. */
  readonly rate?: number
}

const floods: readonly Flood[] = [
  { title: 'an owner, 10 KB each', by: 'owner', clients: 1, what: 'broadcast', size: 10_000 },
  { title: 'an owner, small ones', by: 'owner', clients: 1, what: 'broadcast', size: 100 },
  { title: 'two listeners, `taken`', by: 'listeners', clients: 2, what: 'taken', size: 0 },
  { title: 'two listeners, pings', by: 'listeners', clients: 2, what: 'ping', size: 0 },
  {
    title: '200 listeners, feedback of 60 KB, 20 a second',
    by: 'listeners',
    clients: 200,
    what: 'feedback',
    size: 60_000,
    rate: 20,
  },
]

interface Seen {
  readonly p50: number
  readonly p99: number
}

/** How long an acknowledgement takes in a quiet room, and in the flooded one itself, alone and beside each flood. */
export async function neighbours(): Promise<string> {
  const rows = []
  for (const flood of floods) {
    const house = await startHouse({ LOG: 'memory', ...BOUNDED })
    const [quiet, own] = [await RawClient.open(house.url), await openTaking(house.url)]
    const [alone] = await Promise.all([latencies(quiet), latencies(own)])
    // Of the owner that floods, its own answers say nothing of the others.
    const uuid = flood.by === 'listeners' ? own.uuid : ''
    const worker = new Worker(new URL('flood.ts', import.meta.url), { workerData: { url: house.url, uuid, flood } })
    await new Promise((resolve) => worker.once('message', resolve))
    await sleep(1000)
    const [beside, inside] = await Promise.all([latencies(quiet), latencies(own)])
    await worker.terminate()
    for (const client of [quiet, own]) client.end()
    await house.end()
    rows.push([flood.title, words(alone), words(beside), flood.by === 'listeners' ? words(inside) : ''])
  }
  const head = ['who floods, in one room', 'a quiet room alone', 'beside it', 'the owner of the flooded room']
  return `## Neighbours: acknowledgements, p50 and p99 in ms\n\n${table(head, rows)}\n`
}

function openTaking(url: string): Promise<RawClient> {
  return RawClient.open(url, ['feedback'])
}

async function latencies(owner: RawClient): Promise<Seen> {
  const seen: number[] = []
  const end = performance.now() + SECONDS * 1000
  for (let n = 0; performance.now() < end; n++) {
    const id = `${performance.now()}`
    const answered = new Promise<void>((resolve) => {
      owner.onFrame = (frame) => {
        if (frame.includes(`"id":"${id}"`)) resolve()
      }
    })
    const from = performance.now()
    owner.say('n', [n], { id })
    // One that is never answered is no latency, and says so.
    await Promise.race([answered, sleep(10_000)])
    seen.push(performance.now() - from)
    await sleep(10)
  }
  return { p50: percentile(seen, 0.5), p99: percentile(seen, 0.99) }
}

function words({ p50, p99 }: Seen): string {
  return `${p50.toFixed(1)}, ${p99.toFixed(1)}`
}
