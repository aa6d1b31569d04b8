import type { RedisClientType } from '@redis/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { until } from '../support/events.ts'
import { Nodes } from '../support/nodes.ts'
import { describeWithRedis, type RedisServer, startCluster, startRedis } from '../support/redis.ts'
import { startTestServer } from '../support/server.ts'
import { joinRoom, openRoom, say, type TestSocket } from '../support/socket.ts'

const MESSAGE_BYTES = 4096

describeWithRedis('broadcasts by PUBLISH', () => {
  let redis: RedisServer
  let nodes: Nodes
  let backend: RedisClientType
  let room: Awaited<ReturnType<typeof openRoom>>
  let listener: TestSocket
  let answers: unknown[]

  beforeAll(async () => {
    redis = await startRedis()
    backend = await redis.connect()
    nodes = await Nodes.start(2, { REDIS_URL: redis.url, REDIS_INGEST: 'true', MESSAGE_BYTES: String(MESSAGE_BYTES) })
  }, 30_000)
  afterAll(async () => {
    await nodes.stop()
    backend.destroy()
    await redis.stop()
  })
  beforeEach(async () => {
    answers = []
    room = await openRoom(nodes.addresses[0]!)
    ;({ listener } = await joinRoom(nodes.addresses.at(-1)!, room.uuid))
    const ear = await redis.connect()
    await ear.subscribe(`roomcast:answers:${room.uuid}`, (answer) => answers.push(JSON.parse(answer)))
    return () => {
      ear.destroy()
      room.owner.close()
      listener.close()
    }
  })

  const publish = async (message: object | string, uuid = room.uuid): Promise<number> =>
    backend.publish(`roomcast:ingest:${uuid}`, typeof message === 'string' ? message : JSON.stringify(message))
  const heard = () => until(async () => (await publish('', 'nobody')) === 1, 15_000)

  test('[C2] [C3] one node hears each, everybody gets it in the one order, and an id is answered', async () => {
    await heard()
    expect(await publish(say(room.uuid, 'slide', [1], { stateMessage: true, id: 'first' }))).toBe(1)
    expect(await listener.nextBroadcast()).toMatchObject({
      funcKey: 'slide',
      funcParams: [1],
      seq: 1,
      stateMessage: true,
    })
    room.owner.send(say(room.uuid, 'pointer', [2]))
    expect(await listener.nextBroadcast()).toMatchObject({ funcKey: 'pointer', seq: 2 })
    await publish(say(room.uuid, 'slide', [1], { stateMessage: true, id: 'first' }))
    await publish(say(room.uuid, 'slide', [3], { to: 'all' }))
    expect(await listener.nextBroadcast()).toMatchObject({ funcParams: [3], seq: 3 })
    expect(await room.owner.nextBroadcast()).toMatchObject({ funcParams: [3], seq: 3 })
    await until(() => answers.length === 2)
    expect(answers).toEqual([
      { id: 'first', seq: 1 },
      { id: 'first', seq: 1 },
    ])
  })

  describe('[B1] [C5] what is wrong is refused with the field, and changes nothing', () => {
    test.each([
      ['nonsense', () => '{', { code: 'bad_json' }],
      ['another shape', () => ({ uuid: room.uuid }), { code: 'bad_message', field: 'status' }],
      ['another room', () => say('00000000-0000-4000-8000-000000000000', 'x'), { code: 'bad_message', field: 'uuid' }],
      ['another request', () => ({ ...say(room.uuid, ''), status: { value: 4, text: '' } }), { field: 'status.value' }],
      ['single clients', () => say(room.uuid, 'x', [], { to: ['someone'] }), { code: 'bad_message', field: 'to' }],
      [
        'too much',
        () => say(room.uuid, 'x', ['x'.repeat(MESSAGE_BYTES)]),
        { code: 'message_too_large', limit: MESSAGE_BYTES },
      ],
      [
        'too much when its numbers are written out',
        () => JSON.stringify(say(room.uuid, 'x', ['n'])).replace('"n"', `[${Array(500).fill('1e20').join()}]`),
        { code: 'bad_message', field: 'funcParams', limit: MESSAGE_BYTES },
      ],
    ])('%s', async (_, made, error) => {
      await heard()
      await publish(made())
      await until(() => answers.length === 1)
      expect(answers).toMatchObject([{ error }])
      await publish(say(room.uuid, 'fine'))
      expect(await listener.nextBroadcast()).toMatchObject({ funcKey: 'fine', seq: 1 })
    })
  })

  test('a room that is not there is answered, and a channel that names none is passed over', async () => {
    await heard()
    const nowhere = '00000000-0000-4000-8000-000000000000'
    const ear = await redis.connect()
    const told = new Promise(
      (resolve) =>
        void ear.subscribe(`roomcast:answers:${nowhere}`, resolve).then(() => publish(say(nowhere, 'x'), nowhere)),
    )
    expect(JSON.parse(String(await told))).toMatchObject({ error: { code: 'room_not_found' } })
    ear.destroy()
    for (const channel of ['', 'room', '*', '../x']) await publish(say(room.uuid, 'x'), channel)
    await publish(say(room.uuid, 'fine'))
    expect(await listener.nextBroadcast()).toMatchObject({ funcKey: 'fine', seq: 1 })
  })

  test('when the node that hears dies, another does, and no broadcast is taken twice', async () => {
    await heard()
    await nodes.add()
    // Whichever it is: with the one of the listener alive, the two before it go.
    const survivor = await joinRoom(nodes.addresses.at(-1)!, room.uuid)
    await nodes.kill(0)
    await nodes.kill(0)
    await heard()
    expect(await publish(say(room.uuid, 'still', []))).toBe(1)
    expect(await survivor.listener.nextBroadcast()).toMatchObject({ funcKey: 'still', seq: 1 })
    survivor.listener.close()
    await nodes.add()
  }, 30_000)

  test('[I2] what a node hears while it hangs is broadcast once, when it is sent again until it is answered', async () => {
    const prefix = 'hangs:'
    const one = await Nodes.start(1, { REDIS_URL: redis.url, REDIS_INGEST: 'true', REDIS_PREFIX: prefix })
    const ear = await redis.connect()
    try {
      await until(async () => (await backend.publish(`${prefix}ingest:nobody`, '')) === 1)
      const { owner, uuid } = await openRoom(one.url)
      const { listener } = await joinRoom(one.url, uuid)
      const seqs = new Map<string, number>()
      await ear.subscribe(`${prefix}answers:${uuid}`, (text) => {
        const { id, seq } = JSON.parse(text)
        if (seq !== undefined) seqs.set(id, seq)
      })
      const ids = Array.from({ length: 20 }, (_, n) => `${n}`)
      const send = (id: string) =>
        backend.publish(`${prefix}ingest:${uuid}`, JSON.stringify(say(uuid, 'step', [id], { id })))
      one.pause(0)
      for (const id of ids) expect(await send(id)).toBe(1)
      await new Promise((resolve) => setTimeout(resolve, 4000))
      one.resume(0)
      await until(async () => {
        for (const id of ids) if (!seqs.has(id)) await send(id)
        await new Promise((resolve) => setTimeout(resolve, 200))
        return seqs.size === ids.length
      }, 20_000)
      const heard = []
      while (heard.length < ids.length) {
        const { funcParams, seq } = await listener.nextBroadcast()
        expect(seqs.get(`${funcParams[0]}`)).toBe(seq)
        heard.push(funcParams[0])
      }
      expect([...heard].sort()).toEqual([...ids].sort())
      expect([...seqs.values()].sort((a, b) => a - b)).toEqual(ids.map((_, n) => n + 1))
      for (const socket of [owner, listener]) socket.close()
    } finally {
      ear.destroy()
      one.resume(0)
      await one.stop()
    }
  }, 60_000)

  test('[I1] [I3] a room that is fed is not abandoned; one that is not fed any more ends, and who feeds it is told so', async () => {
    const env = { REDIS_URL: redis.url, REDIS_INGEST: 'true', REDIS_PREFIX: 'fed:', GRACE_SECONDS: '1' }
    const server = await startTestServer(env)
    const ear = await redis.connect()
    try {
      await until(async () => (await backend.publish('fed:ingest:nobody', '')) === 1)
      const { owner, uuid } = await openRoom(server.url)
      const { listener } = await joinRoom(server.url, uuid)
      const told: unknown[] = []
      await ear.subscribe(`fed:answers:${uuid}`, (text) => told.push(JSON.parse(text)))
      const feed = (id: string) => backend.publish(`fed:ingest:${uuid}`, JSON.stringify(say(uuid, 'n', [], { id })))
      owner.close()
      for (let n = 1; n <= 12; n++) {
        await feed(`${n}`)
        expect(await listener.nextBroadcast()).toMatchObject({ seq: n })
        await new Promise((resolve) => setTimeout(resolve, 300))
      }
      expect(await listener.next(({ status }) => status.value === 0)).toMatchObject({
        event: { code: 'room_abandoned' },
      })
      await feed('late')
      await until(() => told.length === 13)
      expect(told.at(-1)).toMatchObject({ id: 'late', error: { code: 'room_not_found' } })
    } finally {
      ear.destroy()
      await server.stop()
    }
  })

  test('is off unless it is asked for', async () => {
    const server = await startTestServer({ REDIS_URL: redis.url, REDIS_PREFIX: 'quiet:' })
    try {
      await until(async () => (await fetch(`${server.url}/health`)).status === 200)
      expect(await redis.command('PUBSUB', 'NUMPAT')).toBe(1)
      expect(await backend.publish(`quiet:ingest:${room.uuid}`, JSON.stringify(say(room.uuid, 'x')))).toBe(0)
    } finally {
      await server.stop()
    }
  })
})

describeWithRedis('broadcasts by PUBLISH through a cluster', () => {
  test('[I1] [I2] are answered, also where PUBLISH says that nobody has heard them, and made once', async () => {
    const cluster = await startCluster(3)
    const server = await startTestServer({ REDIS_URL: cluster.urls.join(), REDIS_INGEST: 'true' })
    const backends: RedisClientType[] = []
    try {
      await until(async () => (await fetch(`${server.url}/health`)).status === 200)
      const { owner, uuid } = await openRoom(server.url)
      const { listener } = await joinRoom(server.url, uuid)
      for (const node of cluster.nodes) backends.push(await node.connect())
      const answers: unknown[] = []
      const ear = await cluster.nodes[0]!.connect()
      backends.push(ear)
      await ear.subscribe(`roomcast:answers:${uuid}`, (text) => answers.push(JSON.parse(text)))
      const patterns = () => Promise.all(cluster.nodes.map((node) => node.command<number>('PUBSUB', 'NUMPAT')))
      await until(async () => (await patterns()).some((count) => count > 0))
      const elsewhere = backends[(await patterns()).indexOf(0)]!
      const feed = () => elsewhere.publish(`roomcast:ingest:${uuid}`, JSON.stringify(say(uuid, 'n', [], { id: 'a' })))
      for (let times = 1; times <= 2; times++) {
        expect(await feed()).toBe(0)
        await until(() => answers.length === times)
      }
      expect(answers).toEqual([
        { id: 'a', seq: 1 },
        { id: 'a', seq: 1 },
      ])
      owner.send(say(uuid, 'last'))
      expect(await listener.nextBroadcast()).toMatchObject({ funcKey: 'n', seq: 1 })
      expect(await listener.nextBroadcast()).toMatchObject({ funcKey: 'last', seq: 2 })
    } finally {
      for (const one of backends) one.destroy()
      await server.stop()
      await cluster.stop()
    }
  })
})
