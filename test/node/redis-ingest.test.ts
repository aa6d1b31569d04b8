import type { RedisClientType } from '@redis/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { until } from '../support/events.ts'
import { Nodes } from '../support/nodes.ts'
import { describeWithRedis, type RedisServer, startRedis } from '../support/redis.ts'
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
