import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { Child } from '../support/child.ts'
import { until } from '../support/events.ts'
import { type End, MortalServer } from '../support/mortal-server.ts'
import { describeWithRedis, type RedisServer, startRedis } from '../support/redis.ts'
import { joinRoom, message, openRoom, say, TestSocket } from '../support/socket.ts'

/** Seconds. */
const GRACE = 3

/** Milliseconds: past the grace time, and past what a process may take for one turn. */
const AWAY = 4500

/** Milliseconds in which a server has looked for rooms whose grace time is over. */
const LOOK = 1500

const passes = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

type Lifetime = Pick<TestContext, 'onTestFinished'>

/** Runs until the test is over. */
async function startServer({ onTestFinished }: Lifetime, env: Record<string, string> = {}): Promise<MortalServer> {
  const server = await MortalServer.start({ GRACE_SECONDS: String(GRACE), ...env })
  onTestFinished(() => server.stop())
  // It listens before it has reached Redis.
  await until(async () => (await fetch(`${server.url}/health`)).ok)
  return server
}

/** A room with something in it, and whether its owner is still there. */
async function roomWithState(url: string, hasOwner: boolean) {
  const { owner, uuid, ownerKey, welcome } = await openRoom(url)
  owner.send(say(uuid, 'slide', [7], { stateMessage: true, id: 'slide' }))
  await owner.nextEvent('ack')
  if (!hasOwner) {
    const { listener } = await joinRoom(url, uuid)
    owner.close()
    await listener.nextEvent('owner')
    listener.close()
  }
  return { uuid, ownerKey, epoch: welcome.position!.epoch }
}

async function takeBack(url: string, uuid: string, ownerKey: string) {
  const owner = await TestSocket.connect(`${url}/broadcasting`)
  owner.send(message(1, { uuid, ownerKey }))
  return { owner, welcome: await owner.next() }
}

/** Rooms with and without their owner outlive `away`: those owners are back; of one that does not come, the room ends. */
async function outlive(server: MortalServer, away: () => Promise<void>): Promise<void> {
  const rooms = [await roomWithState(server.url, true), await roomWithState(server.url, false)]
  const left = await roomWithState(server.url, false)
  await away()
  await passes(LOOK)
  for (const { uuid, ownerKey, epoch } of rooms) {
    const { owner, welcome } = await takeBack(server.url, uuid, ownerKey)
    expect(welcome).toMatchObject({ role: 'owner', replay: 1, position: { epoch, seq: 1 } })
    expect(await owner.nextBroadcast()).toMatchObject({ funcKey: 'slide', funcParams: [7], seq: 1 })
    owner.send(say(uuid, 'slide', [8], { stateMessage: true, id: 'next' }))
    expect(await owner.nextEvent('ack')).toMatchObject({ event: { position: { seq: 2 } } })
  }
  const { listener } = await joinRoom(server.url, left.uuid)
  expect(await listener.next(({ status }) => status.value === 0)).toMatchObject({ event: { code: 'room_abandoned' } })
}

const ends: End[] = ['SIGTERM', 'SIGKILL']

describe.concurrent('[E2] the grace time counts only while owners can come back: SQLite', () => {
  test.for(ends)('a server that is ended by %s and away for longer', async (end, context) => {
    const server = await startServer(context)
    await outlive(server, async () => {
      await server.end(end)
      await passes(AWAY)
      await server.start()
    })
  })

  test('a server that is ended again and again, each time before the grace time is over', async (context) => {
    const server = await startServer(context)
    const { uuid, ownerKey } = await roomWithState(server.url, true)
    for (const end of [...ends, ...ends]) {
      await server.end(end)
      await passes(1000)
      await server.start()
      await passes(LOOK)
    }
    expect((await takeBack(server.url, uuid, ownerKey)).welcome).toMatchObject({ role: 'owner', replay: 1 })
  })

  test.for(['memory', 'sqlite'])('a process that stands still for longer, over the log %s', async (log, context) => {
    const server = await startServer(context, { LOG: log })
    await outlive(server, () => standStill(server))
  })

  test.for([-1, 1])('a clock that is set by %i hour', async (hours, { onTestFinished }) => {
    const clock = `
      const { now } = Date
      process.on('message', (ms) => { Date.now = () => now() + ms; process.send(Date.now()) })
      process.channel.unref()`
    const args = ['--import', `data:text/javascript,${encodeURIComponent(clock)}`, 'src/node/start.mjs']
    const child = new Child(process.execPath, args, { GRACE_SECONDS: String(GRACE) })
    onTestFinished(() => child.kill())
    const url = await child.url()
    const { uuid, ownerKey } = await roomWithState(url, false)
    const { uuid: left } = await roomWithState(url, false)
    const set = once(child.process, 'message')
    child.process.send(hours * 3_600_000)
    expect(Number((await set)[0]) / Date.now() > 1).toBe(hours > 0)
    await passes(LOOK)
    const { welcome, owner } = await takeBack(url, uuid, ownerKey)
    expect(welcome).toMatchObject({ role: 'owner' })
    const { listener } = await joinRoom(url, left)
    expect(await listener.next(({ status }) => status.value === 0)).toMatchObject({ event: { code: 'room_abandoned' } })
    owner.send(say(uuid, 'slide', [8], { id: 'next' }))
    await owner.nextEvent('ack')
  })
})

describeWithRedis('[E2] the grace time counts only while owners can come back: Redis', () => {
  let redis: RedisServer

  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  test.concurrent.for(ends)('the only node is ended by %s and away for longer', async (end, context) => {
    const server = await startServer(context, { REDIS_URL: redis.url, REDIS_PREFIX: `${end}:` })
    await outlive(server, async () => {
      await server.end(end)
      await passes(AWAY)
      await server.start()
    })
  })

  test.concurrent('the only node stands still for longer', async (context) => {
    const server = await startServer(context, { REDIS_URL: redis.url, REDIS_PREFIX: 'still:' })
    await outlive(server, () => standStill(server))
  })
})

async function standStill(server: MortalServer): Promise<void> {
  server.signal('SIGSTOP')
  await passes(AWAY)
  server.signal('SIGCONT')
}
