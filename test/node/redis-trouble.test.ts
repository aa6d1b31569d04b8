import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Following, follow, type Presentation, present } from '../../src/sdk/index.ts'
import { happening, until } from '../support/events.ts'
import { describeWithRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { openRoom, say, type TestSocket } from '../support/socket.ts'
import { witness } from '../support/witness.ts'

type Show = { n: [n: number]; page: [n: number] }

/** A Redis that hangs is told from one that is slow by so many milliseconds without an answer. */
const PAUSE = 10_000

describeWithRedis('a Redis that is in trouble', () => {
  let redis: RedisServer
  let servers: TestServer[]
  let room: Presentation<Show>
  let listeners: Following<Show>[]
  let seen: Map<number, number>[]
  let violations: string[]
  let other: TestSocket
  let otherRoom: string
  let acknowledged: number[]
  let said: number
  let isSpeaking: boolean
  let speech: Promise<void>

  beforeEach(async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    redis = await startRedis()
    const env = { REDIS_URL: redis.url }
    servers = await Promise.all([startTestServer(env), startTestServer(env)])
    violations = []
    seen = []
    room = await present<Show>(servers[0]!.url)
    room.when('problem', () => {})
    listeners = Array.from({ length: 10 }, (_, i) => listener(servers[i % 2]!.url))
    await Promise.all(listeners.map(live))
    ;({ owner: other, uuid: otherRoom } = await openRoom(servers[1]!.url))
    speak()
  }, 30_000)

  afterEach(async () => {
    isSpeaking = false
    await speech
    for (const member of [room, ...listeners]) member.leave()
    other.close()
    await Promise.all(servers.map((server) => server.stop()))
    await redis.stop()
    vi.restoreAllMocks()
  }, 30_000)

  function listener(url: string): Following<Show> {
    const counts = new Map<number, number>()
    const following = follow<Show>(url, room.uuid, { webSocket: witness(violations) })
    following.each(({ params, replay }) => {
      const n = params[0] as number
      if (!replay) counts.set(n, (counts.get(n) ?? 0) + 1)
    })
    seen.push(counts)
    return following
  }

  /** The owner speaks all the time, and remembers what was acknowledged. */
  function speak(): void {
    acknowledged = []
    said = 0
    isSpeaking = true
    speech = (async () => {
      while (isSpeaking) {
        const n = ++said
        await room.state('page', n)
        acknowledged.push(n)
      }
    })()
  }

  /** Until a broadcast is acknowledged and with all listeners that is made from now on; returns how long that took. */
  async function recovered(): Promise<number> {
    const begin = Date.now()
    const next = said + 1
    await until(() => {
      const news = acknowledged.at(-1) ?? 0
      return news >= next && seen.every((counts) => [...counts.keys()].some((n) => n >= next))
    }, 20_000)
    return Date.now() - begin
  }

  /** Nobody missed, or got twice, what was acknowledged; nobody was told anything twice at all. */
  async function check(): Promise<void> {
    isSpeaking = false
    await speech
    await room.state('page', ++said)
    await until(() => seen.every((counts) => counts.has(said)))
    for (const counts of seen) {
      expect(acknowledged.filter((n) => counts.get(n) !== 1)).toEqual([])
      expect([...counts].filter(([, count]) => count !== 1)).toEqual([])
    }
    expect(violations).toEqual([])
  }

  /** A client that keeps nothing to say it again is told that it has to. */
  async function refusedAtOnce(): Promise<void> {
    other.send(say(otherRoom, 'x', [], { id: 'x' }))
    const begin = Date.now()
    expect(await other.nextEvent('error')).toMatchObject({ event: { code: 'log_unavailable', id: 'x' } })
    expect(Date.now() - begin).toBeLessThan(2000)
  }

  test('killed and started again: no gap, nothing twice, nothing acknowledged is lost; listeners know meanwhile', async () => {
    for (let round = 0; round < 3; round++) {
      await recovered()
      const stale = Promise.all(listeners.map((one) => happening(one, 'status', (status) => status === 'stale')))
      await redis.kill()
      await stale
      await until(async () => (await fetch(`${servers[0]!.url}/health`)).status === 503)
      await refusedAtOnce()
      await redis.restart()
      console.info(`killed: ${await recovered()} ms after it was back`)
      await Promise.all(listeners.map(live))
    }
    expect((await fetch(`${servers[0]!.url}/health`)).status).toBe(200)
    await check()
  }, 60_000)

  test('paused for ten seconds: the same', async () => {
    await recovered()
    redis.pause()
    const stale = Promise.all(listeners.map((one) => happening(one, 'status', (status) => status === 'stale')))
    await new Promise((resolve) => setTimeout(resolve, PAUSE))
    await stale
    await refusedAtOnce()
    redis.resume()
    console.info(`paused: ${await recovered()} ms after it went on`)
    await Promise.all(listeners.map(live))
    await check()
  }, 60_000)

  test('its connections cut, again and again: the same', async () => {
    for (let round = 0; round < 5; round++) {
      await recovered()
      expect(await redis.cutConnections()).toBeGreaterThan(0)
      console.info(`cut: ${await recovered()} ms`)
    }
    await check()
  }, 60_000)
})

async function live(following: Following<Show>): Promise<void> {
  if (following.status !== 'live') await happening(following, 'status', (status) => status === 'live')
}
