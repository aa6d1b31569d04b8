import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Following, follow, type Presentation, present, type Received } from '../../src/sdk/index.ts'
import { happening, until } from '../support/events.ts'
import { message } from '../support/messages.ts'
import { TcpProxy } from '../support/proxy.ts'
import { scriptedServer } from '../support/scripted-server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

interface Stroke {
  points: number[]
}

interface Deck {
  slide: [index: number]
  ink: [stroke: string]
  line: [stroke: Stroke]
  pointer: [x: number]
}

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

async function show(): Promise<Presentation<Deck>> {
  const room = await present<Deck>(server.url)
  onTestFinished(() => room.leave())
  return room
}

async function watch(uuid: string, url = server.url): Promise<Following<Deck>> {
  const follower = follow<Deck>(url, uuid)
  onTestFinished(() => follower.leave())
  await happening(follower, 'status', (status) => status === 'live')
  return follower
}

/** What a handler for each of these actions, and one for all, have got. */
function listen(room: { on: Following<Deck>['on']; each: Following<Deck>['each'] }): string[] {
  const got: string[] = []
  room.each(({ action, params, replay }) => got.push(`each ${action} ${params}${replay ? ' replayed' : ''}`))
  room.on('slide', (index) => got.push(`slide ${index}`))
  room.on('ink', (stroke) => got.push(`ink ${stroke}`))
  room.on('pointer', (x) => got.push(`pointer ${x}`))
  return got
}

const turn = () => new Promise((resolve) => setTimeout(resolve))

describe('handlers that are put up when the replay is through', () => {
  test('get what is stored, in the one order, and then what comes', async () => {
    const room = await show()
    await room.append('ink', 'a')
    await room.state('slide', 1)
    await room.append('ink', 'b')
    await room.state('slide', 2)
    await room.key('other').append('ink', 'c')
    const follower = await watch(room.uuid)
    await room.broadcast('pointer', 1)
    await room.append('ink', 'd')
    await until(() => follower.stored().length === 5)
    const got = listen(follower)
    expect(got).toEqual([])
    await turn()
    const stored = ['ink a', 'ink b', 'slide 2', 'ink c', 'ink d']
    expect(got).toEqual(stored.flatMap((text) => [text, `each ${text} replayed`]))
    got.length = 0
    await room.broadcast('pointer', 2)
    await room.clear('ink', '')
    await until(() => got.length === 4)
    expect(got).toEqual(['pointer 2', 'each pointer 2', 'ink ', 'each ink '])
    const later = listen(follower)
    await turn()
    expect(later).toEqual(['slide 2', 'each slide 2 replayed', 'ink c', 'each ink c replayed'])
  })

  test('get nothing twice, put up at any moment of a replay, of a batch, or of another handler', async () => {
    const room = await show()
    for (let n = 1; n <= 40; n++) await room.append('ink', `${n}`)
    const follower = follow<Deck>(server.url, room.uuid)
    onTestFinished(() => follower.leave())
    const late: string[][] = []
    const listenLate = () => {
      const got: string[] = []
      follower.on('ink', (stroke) => got.push(stroke))
      late.push(got)
    }
    follower.on('ink', listenLate)
    follower.each(listenLate)
    follower.when('reset', listenLate)
    follower.when('status', listenLate)
    await happening(follower, 'status', (status) => status === 'live')
    await Promise.all(Array.from({ length: 60 }, (_, n) => room.append('ink', `${n + 41}`)))
    const all = Array.from({ length: 100 }, (_, n) => `${n + 1}`)
    await until(() => follower.stored().length === 100)
    await turn()
    expect(late.length).toBe(202)
    for (const got of late) expect(got).toEqual(all)
  })

  test('are not run once they are stopped', async () => {
    const room = await show()
    await room.state('slide', 1)
    const follower = await watch(room.uuid)
    const got: unknown[] = []
    follower.on('slide', (index) => got.push(index))()
    const stop = follower.on('slide', (index) => {
      got.push(index)
      stop()
      stopOther()
    })
    const stopOther = follower.each(({ params }) => got.push(params))
    await turn()
    await room.state('slide', 2)
    await until(() => follower.stored()[0]?.params[0] === 2)
    expect(got).toEqual([1])
  })

  test('have parameters of their own: what one does to them, no other sees', async () => {
    const room = await show()
    await room.state('line', { points: [1] })
    const follower = await watch(room.uuid)
    const got: number[][] = []
    for (let n = 0; n < 2; n++) {
      follower.on('line', ({ points }) => {
        points.push(9)
        got.push(points)
      })
      await turn()
    }
    expect(got).toEqual([
      [1, 9],
      [1, 9],
    ])
    expect(follower.stored()[0]?.params).toEqual([{ points: [1] }])
  })

  test('one that throws stops no other', async () => {
    const room = await show()
    await room.state('slide', 1)
    const follower = await watch(room.uuid)
    const problem = happening<'problem', Error>(follower, 'problem')
    const slides: number[] = []
    follower.on('slide', () => {
      throw new Error('mine')
    })
    follower.on('slide', (index) => slides.push(index))
    expect(await problem).toMatchObject({ code: 'handler_failed', cause: { message: 'mine' } })
    expect(slides).toEqual([1])
  })
})

describe('what is stored', () => {
  test('[R1] is as `each` hands it out: how it is kept, its key, its place', async () => {
    const room = await show()
    const follower = await watch(room.uuid)
    const passing: Received[] = []
    follower.each((received) => passing.push(received))
    await room.state('slide', 1)
    await room.key('k').append('ink', 'a')
    await room.broadcast('pointer', 1)
    await room.clear('slide', 0)
    await until(() => passing.length === 4)
    expect(passing.map(({ action, retain }) => [action, retain])).toEqual([
      ['slide', 'latest'],
      ['ink', 'append'],
      ['pointer', undefined],
      ['slide', 'clear'],
    ])
    expect(follower.stored()).toEqual([{ ...passing[1], replay: true }])
    expect(passing[1]).toEqual({
      action: 'ink',
      params: ['a'],
      seq: 2,
      replay: false,
      stateKey: 'k',
      retain: 'append',
    })
  })

  test('the owner has what it has said itself, and what was replayed to it', async () => {
    const room = await show()
    const stroke = { points: [1] }
    const stored = room.state('line', stroke)
    // What is stored is what was said, whatever becomes of it here.
    stroke.points.push(2)
    expect(room.stored()).toEqual([])
    await stored
    await room.append('ink', 'a')
    await room.append('ink', 'b')
    expect(room.stored().map(({ params }) => params[0])).toEqual([{ points: [1] }, 'a', 'b'])
    const got = listen(room)
    await turn()
    expect(got).toContain('ink b')
    const { uuid, ownerKey } = room
    room.leave()
    const again = await present<Deck>(server.url, { uuid, ownerKey })
    onTestFinished(() => again.leave())
    await until(() => again.status === 'live')
    expect(again.stored()).toEqual(room.stored())
    await again.clear('ink', '')
    expect(again.stored().map(({ action }) => action)).toEqual(['line'])
  })

  test('[R5] [C3] is the same on both sides after lines that were lost, at any moment', async () => {
    const proxy = await TcpProxy.to(server.port)
    onTestFinished(() => proxy.close())
    const room = await present<Deck>(proxy.url)
    onTestFinished(() => room.leave())
    const follower = await watch(room.uuid, proxy.url)
    const answers = []
    for (let n = 1; n <= 200; n++) {
      answers.push(n % 20 === 0 ? room.clear('ink', '') : room.append('ink', `${n}`), room.state('slide', n))
      if (n % 40 === 0) proxy.cut()
      if (n % 10 === 0) await turn()
    }
    await Promise.all(answers)
    await room.append('ink', 'last')
    const late = await watch(room.uuid)
    expect(late.stored().map(({ params }) => params[0])).toEqual([200, 'last'])
    await expect.poll(() => follower.stored()).toEqual(late.stored())
    expect(room.stored()).toEqual(late.stored())
  })

  test('[R6] what a listener is caught up by takes its place, and a clear among it', async () => {
    const { url, accept } = await scriptedServer()
    const follower = follow(url, crypto.randomUUID())
    onTestFinished(() => follower.leave())
    const { send } = await accept()
    const say = (seq: number, funcKey: string, fields: object = {}) =>
      send(JSON.stringify(message(3, { funcKey, funcParams: [seq], stateMessage: true, seq, ...fields })))
    const lagged = (replay: number, seq: number, reset: boolean) =>
      send(
        JSON.stringify(
          message(5, { event: { type: 'lagged', missed: 1, reset, replay, position: { epoch: 'e', seq } } }),
        ),
      )
    const seqs = () => follower.stored().map(({ seq }) => seq)
    for (const seq of [1, 2]) say(seq, 'ink', { retain: 'append' })
    say(3, 'slide')
    say(4, 'line', { retain: 'append' })
    await expect.poll(seqs).toEqual([1, 2, 3, 4])
    lagged(4, 12, false)
    say(6, 'line', { retain: 'clear', replay: true })
    say(8, 'line', { retain: 'append', replay: true })
    say(10, 'slide', { replay: true })
    say(11, 'ink', { retain: 'append', replay: true })
    await expect.poll(seqs).toEqual([1, 2, 8, 10, 11])
    lagged(1, 20, true)
    say(15, 'slide', { replay: true })
    await expect.poll(seqs).toEqual([15])
  })

  test('is no more than the server stores, where another hand than the owner’s has cleared it', async () => {
    const { url, accept } = await scriptedServer()
    const accepted = accept({ uuid: crypto.randomUUID(), role: 'owner', ownerKey: 'key' })
    const room = await present(url)
    onTestFinished(() => room.leave())
    const { send, said } = await accepted
    for (let n = 1; n <= 150; n++) {
      const stored = room.append('ink', n)
      await expect.poll(() => said.length, { interval: 1 }).toBe(n)
      const { id } = said[n - 1] as unknown as { id: string }
      send(JSON.stringify(message(5, { event: { type: 'ack', id, position: { epoch: 'e', seq: n } } })))
      await stored
    }
    expect(room.stored().map(({ seq }) => seq)).toEqual(Array.from({ length: 100 }, (_, n) => n + 51))
  })
})
