import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { follow, present, RoomcastError } from '../../src/sdk/index.ts'
import type { Actions, Following, Presentation } from '../../src/sdk/types.ts'
import { happening, until } from '../support/events.ts'
import { TcpProxy } from '../support/proxy.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

type Deck = { slide: [index: number]; pointer: [x: number, y: number]; ink: [stroke: string] }

let server: TestServer
let proxy: TcpProxy
const members: { leave(): void }[] = []

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())
afterEach(async () => {
  for (const member of members.splice(0)) member.leave()
  await proxy?.close()
})

async function show(options = {}): Promise<Presentation<Deck>> {
  const room = await present<Deck>(server.url, options)
  room.when('problem', () => {})
  members.push(room)
  return room
}

function watch(uuid: string, url = server.url): Following<Deck> & { got: string[] } {
  const following = follow<Deck>(url, uuid)
  following.when('problem', () => {})
  members.push(following)
  const got: string[] = []
  following.each(({ action, params }) => got.push(`${action}:${params}`))
  return Object.assign(following, { got })
}

describe('presenting and following', () => {
  test('a late follower runs through the state, then the live broadcasts', async () => {
    const room = await show()
    await room.state('slide', 1)
    await room.broadcast('pointer', 1, 2)
    await room.state('slide', 2)
    const slides: number[] = []
    const follower = watch(room.uuid)
    follower.on('slide', (index) => slides.push(index))
    await happening(follower, 'status', (status) => status === 'live')
    await room.state('slide', 3)
    await until(() => slides.length === 2)
    expect(slides).toEqual([2, 3])
    expect(room.link).toBe(`${server.url}/?uuid=${room.uuid}`)
  })

  test('append, clear and keys', async () => {
    const room = await show()
    await room.append('ink', 'a')
    await room.key('other').append('ink', 'b')
    await room.append('ink', 'c')
    await room.key('other').clear('ink', '')
    const follower = watch(room.uuid)
    await until(() => follower.got.length === 2)
    expect(follower.got).toEqual(['ink:a', 'ink:c'])
  })

  test('feedback and the list of listeners reach the owner', async () => {
    const room = await show()
    const listeners = happening(room, 'listeners')
    const follower = watch(room.uuid)
    expect(await listeners).toMatchObject({ count: 1, joined: [follower.clientId] })
    expect(room.listeners).toBe(1)
    const feedback = happening(room, 'feedback')
    await follower.feedback('clap', 3)
    expect(await feedback).toEqual({ action: 'clap', params: [3], from: follower.clientId })
  })

  test('a message to one, to all, to oneself', async () => {
    const room = await show()
    const own: number[] = []
    room.on('slide', (index) => own.push(index))
    const [one, two] = [watch(room.uuid), watch(room.uuid)]
    await until(() => one.status === 'live' && two.status === 'live')
    await room.to([two.clientId]).broadcast('slide', 1)
    await room.to('all').broadcast('slide', 2)
    await room.to('self').broadcast('slide', 3)
    await until(() => one.got.length === 1 && two.got.length === 2 && own.length === 2)
    expect([one.got, two.got, own]).toEqual([['slide:2'], ['slide:1', 'slide:2'], [2, 3]])
  })

  test('a handler that throws is told to `problem`, and stops nothing', async () => {
    const room = await show()
    const follower = watch(room.uuid)
    const problem = happening<'problem', Error>(follower, 'problem')
    follower.on('slide', () => {
      throw new Error('mine')
    })
    await until(() => follower.status === 'live')
    await room.broadcast('slide', 1)
    await room.broadcast('slide', 2)
    expect(await problem).toMatchObject({ code: 'handler_failed', cause: { message: 'mine' } })
    await until(() => follower.got.length === 2)
  })

  test('what the server refuses rejects, with code and limit', async () => {
    const room = await show()
    const refused = room.broadcast('x'.repeat(200) as 'slide', 1)
    await expect(refused).rejects.toBeInstanceOf(RoomcastError)
    await expect(refused).rejects.toMatchObject({ code: 'bad_message', field: 'funcKey', limit: 128 })
  })

  test('closing ends it on both sides', async () => {
    const room = await show()
    const follower = watch(room.uuid)
    await until(() => follower.status === 'live')
    const over = happening(follower, 'status', (status) => status === 'ended')
    await room.close()
    await over
    expect([room.ending?.code, follower.ending?.code]).toEqual(['room_closed', 'room_closed'])
    await expect(room.broadcast('slide', 1)).rejects.toMatchObject({ code: 'room_closed' })
    await expect(follower.feedback('clap')).rejects.toMatchObject({ code: 'room_closed' })
  })

  test('a room that is not there ends at once; a server that is not there is unreachable', async () => {
    const follower = watch('00000000-0000-4000-8000-000000000000')
    await happening(follower, 'status', (status) => status === 'ended')
    expect(follower.ending?.code).toBe('room_not_found')
    proxy = await TcpProxy.to(server.port)
    proxy.isDown = true
    await expect(present(proxy.url, { openWithin: 200 })).rejects.toMatchObject({ code: 'unreachable' })
  })
})

describe('[R5] lines that are lost', () => {
  test('a follower comes back and misses nothing, with no replay of what it has seen', async () => {
    proxy = await TcpProxy.to(server.port)
    const room = await show()
    await room.state('slide', 1)
    const follower = watch(room.uuid, proxy.url)
    const statuses: string[] = []
    let resets = 0
    follower.when('status', (status) => statuses.push(status))
    follower.when('reset', () => resets++)
    await until(() => follower.got.length === 1)
    proxy.down()
    await until(() => follower.status === 'reconnecting')
    await room.broadcast('pointer', 1, 1)
    await room.state('slide', 2)
    proxy.isDown = false
    await until(() => follower.got.length === 3)
    expect(follower.got).toEqual(['slide:1', 'pointer:1,1', 'slide:2'])
    expect(statuses).toEqual(['live', 'reconnecting', 'live'])
    expect(resets).toBe(1)
  })

  test('one that is away for long is stale', async () => {
    proxy = await TcpProxy.to(server.port)
    const room = await show()
    const follower = follow<Deck>(proxy.url, room.uuid, { staleAfter: 50 })
    members.push(follower)
    await happening(follower, 'status', (status) => status === 'live')
    proxy.down()
    await happening(follower, 'status', (status) => status === 'stale')
    proxy.isDown = false
    await happening(follower, 'status', (status) => status === 'live')
  })

  test('[C3] what the owner says while away is sent after, once and in order', async () => {
    proxy = await TcpProxy.to(server.port)
    const room = await present<Deck>(proxy.url)
    members.push(room)
    const follower = watch(room.uuid)
    await until(() => follower.status === 'live')
    const answers = []
    for (let n = 1; n <= 300; n++) {
      answers.push(room.broadcast('slide', n))
      // The line goes while broadcasts and their answers are on the way.
      if (n % 50 === 0) proxy.cut()
      if (n % 10 === 0) await new Promise(setImmediate)
    }
    await Promise.all(answers)
    await until(() => follower.got.length === 300)
    expect(follower.got).toEqual(Array.from({ length: 300 }, (_, i) => `slide:${i + 1}`))
  })

  test('the queue of an owner that is away is bounded', async () => {
    proxy = await TcpProxy.to(server.port)
    const room = await present<Deck>(proxy.url)
    room.when('problem', () => {})
    members.push(room)
    proxy.down()
    await until(() => room.status === 'reconnecting')
    const answers = Array.from({ length: 1001 }, (_, n) => room.broadcast('slide', n))
    await expect(answers[1000]).rejects.toMatchObject({ code: 'queue_full' })
    proxy.isDown = false
    await Promise.all(answers.slice(0, 1000))
  })

  test('[O3] an owner that another took the room from has ended, and does not fight for it', async () => {
    const room = await show()
    const second = await show({ uuid: room.uuid, ownerKey: room.ownerKey })
    await until(() => room.status === 'ended')
    expect(room.ending?.code).toBe('displaced')
    expect(second.status).toBe('live')
  })

  test('[O2] a reload: the same room, with its state', async () => {
    const room = await show()
    await room.state('slide', 4)
    const { uuid, ownerKey } = room
    room.leave()
    const again = await show({ uuid, ownerKey })
    const slides: number[] = []
    again.on('slide', (index) => slides.push(index))
    await until(() => slides.length === 1)
    expect([again.uuid, again.ownerKey, slides]).toEqual([uuid, ownerKey, [4]])
    await expect(present(server.url, { uuid, ownerKey: 'wrong' })).rejects.toMatchObject({ code: 'take_back_refused' })
  })

  test('handing over: the named listener presents, the former owner listens, across a lost line too', async () => {
    proxy = await TcpProxy.to(server.port)
    const room = await present<Deck>(proxy.url)
    room.when('problem', () => {})
    members.push(room)
    const own: number[] = []
    room.on('slide', (index) => own.push(index))
    const follower = watch(room.uuid)
    await until(() => follower.status === 'live')
    const offered = happening<'handover', { accept(): Promise<Presentation<Actions>> }>(follower, 'handover')
    await room.handOver(follower.clientId)
    const handedOver = happening(room, 'handedOver')
    const heir = await (await offered).accept()
    members.push(heir)
    await handedOver
    expect(follower.status).toBe('ended')
    await expect(room.broadcast('slide', 1)).rejects.toMatchObject({ code: 'not_owner' })
    await heir.state('slide', 2)
    await until(() => own.length === 1)
    proxy.cut()
    await heir.state('slide', 3)
    await until(() => own.length === 2)
    expect(own).toEqual([2, 3])
    expect(heir.ownerKey).not.toBe('')
  })
})
