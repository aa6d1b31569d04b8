import { afterEach, describe, expect, test } from 'vitest'
import { type Following, follow, present } from '../../src/sdk/index.ts'
import { until } from '../support/events.ts'
import { MortalServer } from '../support/mortal-server.ts'
import { Random, seedOfRun } from '../support/random.ts'
import { joinRoom } from '../support/socket.ts'

const ROUNDS = 6
const LISTENERS = 20

type Count = { count: [n: number]; tick: [n: number] }

let endings: (() => unknown)[] = []

afterEach(async () => {
  for (const end of endings.reverse()) await end()
  endings = []
})

async function mortalServer(): Promise<MortalServer> {
  const server = await MortalServer.start()
  endings.push(() => server.stop())
  return server
}

/** What a listener shows: the count of now, and every tick of the counter that it has ever seen. */
function watch(url: string, uuid: string): Following<Count> & { counts: number[] } {
  const member = follow<Count>(url, uuid)
  endings.push(() => member.leave())
  const counts: number[] = []
  member.when('reset', () => {
    counts.length = 0
  })
  member.on('count', (n) => counts.push(n))
  return Object.assign(member, { counts })
}

describe('a server that is killed', () => {
  test('[O2] [R5] [C3] loses nothing that it acknowledged, and everyone converges without a reload', {
    timeout: 60_000,
  }, async () => {
    const seed = seedOfRun()
    console.log(`crash test: SEED=${seed}`)
    const random = new Random(seed)
    const server = await mortalServer()
    const room = await present<Count>(server.url)
    endings.push(() => room.leave())
    const listeners = Array.from({ length: LISTENERS }, () => watch(server.url, room.uuid))
    let said = 0
    let acknowledged = 0
    let isOver = false
    // A steady flow: a stored count, and a plain tick beside it, as fast as their answers come.
    const flow = (async () => {
      while (!isOver) {
        const n = ++said
        void room.broadcast('tick', n)
        await room.state('count', n)
        acknowledged = n
      }
    })()

    for (let round = 0; round < ROUNDS; round++) {
      const reached = acknowledged + 1 + random.below(200)
      await until(() => acknowledged >= reached, 30_000)
      await server.end('SIGKILL')
      const atDeath = acknowledged
      await server.start()
      // Asked before anyone has come back to say it again: what was acknowledged is there.
      const { listener, welcome } = await joinRoom(server.url, room.uuid)
      const [count] = (await listener.next(({ funcKey }) => funcKey === 'count')).funcParams as number[]
      listener.close()
      expect(welcome.status.value, `SEED=${seed}`).toBe(3)
      expect(count, `round ${round}, SEED=${seed}`).toBeGreaterThanOrEqual(atDeath)
    }

    isOver = true
    await flow
    await until(() => listeners.every(({ counts }) => counts.at(-1) === said), 30_000)
    for (const { counts, status } of listeners) {
      expect(status).toBe('live')
      expect(counts, `SEED=${seed}`).toEqual([...counts].sort((a, b) => a - b))
      expect(new Set(counts).size).toBe(counts.length)
    }
    expect(room.status).toBe('live')
  })

  test('[E3] one that is told to stop loses nothing either', { timeout: 30_000 }, async () => {
    const server = await mortalServer()
    const room = await present<Count>(server.url)
    endings.push(() => room.leave())
    const listener = watch(server.url, room.uuid)
    await room.state('count', 1)
    await until(() => listener.counts.length === 1)
    const answers = Array.from({ length: 50 }, (_, i) => room.state('count', i + 2))
    await server.end('SIGTERM')
    await server.start()
    await Promise.all(answers)
    await until(() => listener.counts.at(-1) === 51)
    expect(listener.counts).toEqual([...new Set(listener.counts)].sort((a, b) => a - b))
  })
})
