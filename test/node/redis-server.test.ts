import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { Child } from '../support/child.ts'
import { until } from '../support/events.ts'
import { describeWithRedis, hasOpenssl, type RedisServer, startRedis } from '../support/redis.ts'
import { freePort, startTestServer, type TestServer } from '../support/server.ts'
import { joinRoom, message, openRoom, say, TestSocket } from '../support/socket.ts'

const state = { stateMessage: true }

describeWithRedis('a server over Redis', () => {
  let redis: RedisServer
  const servers: TestServer[] = []

  beforeAll(async () => {
    redis = await startRedis()
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    await Promise.all(servers.splice(0).map((server) => server.stop()))
  })
  afterAll(() => redis.stop())

  async function start(env: Record<string, string> = {}): Promise<TestServer> {
    const server = await startTestServer({ REDIS_URL: redis.url, ...env })
    servers.push(server)
    return server
  }

  const healthOf = (url: string) => fetch(`${url}/health`)
  const isWell = async (url: string) => (await healthOf(url)).status === 200

  test('[O3] of two who believe to be the owner, only the newer is ever heard, on any node', async () => {
    const [one, two] = [await start(), await start()]
    await Promise.all([one, two].map(({ url }) => until(() => isWell(url))))
    const { owner: former, uuid, ownerKey } = await openRoom(one.url)
    const listeners = await Promise.all([one, two].map(({ url }) => joinRoom(url, uuid)))
    former.send(say(uuid, 'before', [], { id: 'a' }))
    await former.nextEvent('ack')
    const owner = await TestSocket.connect(`${two.url}/broadcasting`)
    owner.send(message(1, { uuid, ownerKey }))
    // The former one does not know yet, and speaks on.
    for (let n = 0; n < 50; n++) former.send(say(uuid, 'former', [n], state))
    await owner.next()
    for (let n = 0; n < 50; n++) former.ws.readyState === former.ws.OPEN && former.send(say(uuid, 'former', [n], state))
    owner.send(say(uuid, 'after', [], state))
    expect(await former.closed()).toMatchObject({ code: 4502 })
    const heard = []
    for (const { listener } of listeners) {
      const got = []
      for (let last = ''; last !== 'after'; ) {
        const { funcKey, seq } = await listener.nextBroadcast()
        last = funcKey
        got.push(`${seq} ${funcKey}`)
      }
      heard.push(got)
    }
    expect(heard[1]).toEqual(heard[0])
    // What the former said before it was displaced is in the order before all that the newer says.
    expect(heard[0]!.at(-1)).toContain('after')
    owner.send(say(uuid, 'last', [], { id: 'z' }))
    expect(await listeners[0]!.listener.nextBroadcast()).toMatchObject({ funcKey: 'last' })
    for (const socket of [former, owner, ...listeners.map(({ listener }) => listener)]) socket.close()
  })

  test('ten thousand rooms that were opened and ended leave no key', async () => {
    const prefix = 'many:'
    const env = { REDIS_PREFIX: prefix, GRACE_SECONDS: '1' }
    const [one, two] = [await start(env), await start(env)]
    await Promise.all([one, two].map(({ url }) => until(() => isWell(url))))
    for (let n = 0; n < 10_000; n += 100) {
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, i) => fetch(`${(i % 2 ? one : two).url}/rooms`, { method: 'POST' })),
      )
      for (const answer of answers) {
        expect(answer.status).toBe(201)
        await answer.body?.cancel()
      }
    }
    // But for the one that says which servers are alive.
    const left = async () => (await redis.keys(`${prefix}*`)).filter((key) => key !== `${prefix}{nodes}:alive`)
    await until(async () => (await left()).length === 0, 60_000)
  }, 120_000)

  describe('when Redis is not there at the start', () => {
    test('it waits, says so, and works once it is there', async () => {
      vi.spyOn(console, 'error').mockImplementation(() => {})
      const port = await freePort()
      const server = await start({ REDIS_URL: `redis://127.0.0.1:${port}` })
      const health = await healthOf(server.url)
      expect(health.status).toBe(503)
      expect(await health.json()).toMatchObject({ status: 'unavailable', code: 'log_unavailable' })
      expect((await fetch(`${server.url}/health/ready`)).status).toBe(503)
      // It works: a restart would not bring Redis back.
      expect((await fetch(`${server.url}/health/live`)).status).toBe(200)
      const socket = await TestSocket.connect(`${server.url}/broadcasting`)
      socket.send(message(1))
      expect(await socket.next()).toMatchObject({ event: { code: 'room_unavailable' } })
      expect(await socket.closed()).toMatchObject({ code: 4005 })
      expect((await fetch(`${server.url}/rooms`, { method: 'POST' })).status).toBe(503)
      const late = await startRedis({ port })
      try {
        await until(() => isWell(server.url))
        const { owner } = await openRoom(server.url)
        owner.close()
      } finally {
        await Promise.all(servers.splice(0).map((server) => server.stop()))
        await late.stop()
      }
    })

    test('or it exits, with a line that says why', async () => {
      const port = await freePort()
      const child = new Child(process.execPath, ['src/node/start.mjs'], {
        REDIS_URL: `redis://127.0.0.1:${port}`,
        REDIS_START: 'exit',
      })
      expect(await child.exit).toMatchObject({ code: 1 })
      expect(child.output).toContain('roomcast could not start')
      expect(child.output).toContain(String(port))
    })
  })

  test('with a password', async () => {
    const locked = await startRedis({ password: 'open sesame/?' })
    try {
      const server = await start({ REDIS_URL: locked.url })
      await until(() => isWell(server.url))
      await expect(
        start({ REDIS_URL: locked.url.replace(/\/\/.*@/, '//:wrong@'), REDIS_START: 'exit' }),
      ).rejects.toThrow(/WRONGPASS/)
    } finally {
      await Promise.all(servers.splice(0).map((server) => server.stop()))
      await locked.stop()
    }
  })

  test.skipIf(!hasOpenssl())('over TLS, with the certificate of its authority', async () => {
    const secure = await startRedis({ tls: true })
    const child = new Child(process.execPath, ['src/node/start.mjs'], {
      REDIS_URL: secure.url,
      NODE_EXTRA_CA_CERTS: secure.caFile!,
      REDIS_START: 'exit',
    })
    try {
      expect(secure.url).toMatch(/^rediss:/)
      const { owner } = await openRoom(await child.url())
      owner.close()
    } finally {
      await child.kill()
      await secure.stop()
    }
  })
})
