import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { follow, present } from '../../src/sdk/index.ts'
import { OldClient } from '../support/old-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { joinRoom, message, say } from '../support/socket.ts'

type Spelling = 'stateMessage' | 'sateMessage'

const ACTIONS = ['slide', 'point', 'done']

let server: TestServer

beforeAll(async () => {
  server = await startTestServer({ GRACE_SECONDS: '1' })
})

afterAll(() => server.stop())

/** One that is in, with what it was called with, in order; at the end it must have thrown nothing. */
async function enter(uuid: string | undefined, spelling?: Spelling) {
  const calls: string[][] = []
  let arrival: () => void = () => {}
  let connections = 0
  const entered = Promise.withResolvers<void>()
  const page = uuid === undefined ? `${server.url}/` : `${server.url}/?uuid=${uuid}`
  const onConnection = () => {
    connections++
    entered.resolve()
  }
  const client = new OldClient(server.url, page, onConnection, spelling)
  for (const action of ACTIONS) {
    client.subscribe(action, (...params) => {
      calls.push([action, ...params])
      arrival()
    })
  }
  onTestFinished(() => {
    client.ws.terminate()
    expect(client.thrown).toEqual([])
    expect(connections).toBe(1)
  })
  await entered.promise

  /** Its calls, once `done` has been called. */
  async function untilDone(): Promise<string[][]> {
    while (calls.at(-1)?.[0] !== 'done') {
      await new Promise<void>((resolve) => {
        arrival = resolve
      })
    }
    return calls
  }
  return { client, calls, untilDone }
}

describe.each<Spelling>(['stateMessage', 'sateMessage'])(
  '[O1] [J1] [C2] [R1] an old client that says %s',
  (spelling) => {
    test('opens a room, and drives another', async () => {
      const owner = await enter(undefined, spelling)
      expect(owner.client.uuid).toMatch(/^[0-9a-f-]{36}$/)
      const listener = await enter(owner.client.uuid, spelling)
      owner.client.broadcast('slide', ['1'], true)
      owner.client.broadcast('point', ['2', '3'], false)
      owner.client.broadcast('done', [], false)
      expect(await listener.untilDone()).toEqual([['slide', '1'], ['point', '2', '3'], ['done']])
      expect(owner.calls).toEqual([])
    })

    test('who comes late gets the state, and of each action the newest', async () => {
      const owner = await enter(undefined, spelling)
      const early = await enter(owner.client.uuid, spelling)
      owner.client.broadcast('slide', ['1'], true)
      owner.client.broadcast('point', ['0', '0'], false)
      owner.client.broadcast('slide', ['2'], true)
      owner.client.broadcast('done', [], false)
      await early.untilDone()
      const late = await enter(owner.client.uuid, spelling)
      owner.client.broadcast('done', ['again'], false)
      expect(await late.untilDone()).toEqual([
        ['slide', '2'],
        ['done', 'again'],
      ])
    })

    test('[E1] closes its room: status 0, then the close, and no way back', async () => {
      const owner = await enter(undefined, spelling)
      const listener = await enter(owner.client.uuid, spelling)
      owner.client.close()
      expect(await Promise.all([owner.client.closed(), listener.client.closed()])).toEqual([1000, 1000])
      expect([owner.client.statuses.at(-1), listener.client.statuses.at(-1)]).toEqual([0, 0])
      const { welcome } = await joinRoom(server.url, owner.client.uuid)
      expect(welcome.status.value).toBe(0)
    })

    test('[C1] as an owner runs nothing that a listener says; as a listener leaves without ending the room', async () => {
      const owner = await enter(undefined, spelling)
      const [speaker, other] = [await enter(owner.client.uuid, spelling), await enter(owner.client.uuid)]
      speaker.client.broadcast('slide', ['evil'], true)
      speaker.client.close()
      expect(await speaker.client.closed()).toBe(1000)
      owner.client.broadcast('done', ['to all'], false)
      expect(await other.untilDone()).toEqual([['done', 'to all']])
      expect(owner.calls).toEqual([])
    })
  },
)

describe('what an old client is not made for does not make it throw', () => {
  test('[J2] a room that is not there', async () => {
    const page = `${server.url}/?uuid=${crypto.randomUUID()}`
    const client = new OldClient(server.url, page, () => {})
    expect(await client.closed()).toBe(4500)
    expect(client.thrown).toEqual([])
  })

  test('[B1] errors, acknowledgements, pongs, an owner that goes and its room that ends', async () => {
    const owner = await enter(undefined)
    const listener = await enter(owner.client.uuid)
    const { listener: newer } = await joinRoom(server.url, owner.client.uuid)
    const { uuid } = owner.client
    for (const wrong of [
      'nonsense',
      message(9),
      say(uuid, 'x', [], { to: ['nobody'] }),
      say(uuid, 'slide', ['1'], { id: 'a', stateMessage: true, stateKey: 'k', retain: 'append' }),
      say(uuid, 'slide', ['2'], { stateMessage: true, retain: 'clear' }),
      message(3, { status: { value: 3, text: 'ping' } }),
    ]) {
      owner.client.ws.send(typeof wrong === 'string' ? wrong : JSON.stringify(wrong))
    }
    newer.close()
    owner.client.broadcast('done', [], false)
    expect(await listener.untilDone()).toEqual([['slide', '1'], ['slide', '2'], ['done']])
    owner.client.ws.terminate()
    expect(await listener.client.closed()).toBe(1000)
    expect(listener.client.statuses).toEqual([3, 3, 3, 3, 5, 0])
    expect(owner.client.statuses).toContain(5)
  })
})

describe('an old client and the SDK in one room', () => {
  test('the SDK presents, an old client listens', async () => {
    const room = await present(server.url)
    onTestFinished(() => room.leave())
    const heard: unknown[] = []
    const feedback = new Promise((resolve) => room.when('feedback', resolve))
    await room.state('slide', 7)
    await room.key('k').append('point', 1, 2)
    const listener = await enter(room.uuid)
    await room.clear('point')
    await room.to('all').broadcast('slide', 8)
    await room.broadcast('done')
    heard.push(...(await listener.untilDone()))
    expect(heard).toEqual([['slide', 7], ['point', 1, 2], ['point'], ['slide', 8], ['done']])
    listener.client.broadcast('clap', ['hard'], false)
    expect(await feedback).toMatchObject({ action: 'clap', params: ['hard'] })
    const closed = once(listener.client.ws, 'close')
    await room.close()
    expect((await closed)[0]).toBe(1000)
  })

  test('an old client presents, the SDK listens', async () => {
    const owner = await enter(undefined, 'sateMessage')
    owner.client.broadcast('slide', ['7'], true)
    owner.client.broadcast('point', ['0', '0'], false)
    const room = follow(server.url, owner.client.uuid)
    onTestFinished(() => room.leave())
    const heard: unknown[] = []
    const done = new Promise((resolve) => room.on('done', resolve))
    const live = new Promise<void>((resolve) => room.when('status', (status) => status === 'live' && resolve()))
    room.each(({ action, params, replay }) => heard.push([action, params, replay]))
    await live
    owner.client.broadcast('slide', ['8'], true)
    owner.client.broadcast('done', [], false)
    await done
    expect(heard).toEqual([
      ['slide', ['7'], true],
      ['slide', ['8'], false],
      ['done', [], false],
    ])
    room.when('problem', () => {})
    await expect(room.feedback('done', 'clap')).rejects.toMatchObject({ code: 'feedback_unsupported' })
    expect(owner.calls).toEqual([])
    const ended = new Promise<void>((resolve) => room.when('status', (status) => status === 'ended' && resolve()))
    owner.client.close()
    await ended
    expect(room.ending).toMatchObject({ code: 'room_closed' })
  })
})
