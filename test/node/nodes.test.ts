import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Following, follow, type Presentation, present } from '../../src/sdk/index.ts'
import { happening, until } from '../support/events.ts'
import { Nodes } from '../support/nodes.ts'
import { Random, seedOfRun } from '../support/random.ts'
import { describeWithRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { witness } from '../support/witness.ts'

type Show = { n: [n: number]; page: [n: number] }

const LISTENERS = 300
const ROUNDS = 8
const A_ROUND = 40
const LATE = 10

/** A listener, what it has seen since it was last told to start afresh, and how often that was. */
class Spectator {
  readonly following: Following<Show>
  seen: number[] = []
  page: number | undefined
  resets = 0

  constructor(url: string, uuid: string, violations: string[]) {
    this.following = follow<Show>(url, uuid, { webSocket: witness(violations) })
    this.following.when('reset', () => {
      this.resets++
      this.seen = []
    })
    this.following.each(({ seq, replay, action, params }) => {
      if (!replay) this.seen.push(seq!)
      if (action === 'page') this.page = params[0] as number
    })
  }
}

describeWithRedis('a room on three nodes', () => {
  let redis: RedisServer
  let nodes: Nodes
  let members: { leave(): void }[]

  beforeAll(async () => {
    members = []
    redis = await startRedis()
    nodes = await Nodes.start(3, { REDIS_URL: redis.url })
  }, 30_000)
  afterAll(async () => {
    for (const member of members) member.leave()
    await nodes.stop()
    await redis.stop()
  })

  async function open(): Promise<Presentation<Show>> {
    const room = await present<Show>(nodes.url)
    room.when('problem', () => {})
    members.push(room)
    return room
  }

  test('[C2] [R4] [R5] each of 300 gets each broadcast once and in order, while nodes die and are added', async () => {
    const seed = seedOfRun()
    const random = new Random(seed)
    console.info(`SEED=${seed}`)
    const violations: string[] = []
    const room = await open()
    const spectators: Spectator[] = []
    const admit = (count: number) => {
      for (let n = 0; n < count; n++) spectators.push(new Spectator(nodes.url, room.uuid, violations))
    }
    admit(LISTENERS)
    members.push(...spectators.map(({ following }) => following))
    await Promise.all(spectators.map(({ following }) => live(following)))
    let said = 0
    for (let round = 0; round < ROUNDS; round++) {
      const acks: Promise<void>[] = []
      for (let n = 0; n < A_ROUND; n++) {
        said++
        acks.push(random.chance(0.2) ? room.state('page', said) : room.broadcast('n', said))
      }
      admit(LATE)
      if (random.chance(0.5)) await nodes.kill(random.below(nodes.addresses.length))
      if (nodes.addresses.length < 2 || random.chance(0.3)) await nodes.add()
      await Promise.all(acks)
    }
    await room.state('page', ++said)
    const again = `again with SEED=${seed}`
    await until(() => spectators.every(({ page }) => page === said), 30_000)
    for (const [i, { seen, resets }] of spectators.entries()) {
      expect(resets, again).toBe(1)
      if (i < LISTENERS) expect(seen, again).toEqual(Array.from({ length: said }, (_, n) => n + 1))
      else expect(seen, again).toEqual(seen.map((_, n) => said - seen.length + 1 + n))
    }
    expect(violations, again).toEqual([])
  }, 90_000)
})

async function live(following: Following<Show>): Promise<void> {
  if (following.status !== 'live') await happening(following, 'status', (status) => status === 'live')
}
