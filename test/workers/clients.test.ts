import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { follow, present } from '../../src/sdk/index.ts'
import { happening } from '../support/events.ts'
import { OldClient } from '../support/old-client.ts'
import { hasWorkerd } from '../support/workerd.ts'
import { startWranglerDev, type WranglerDev } from '../support/wrangler.ts'

describe.skipIf(!hasWorkerd())('clients of the Worker, over real sockets', () => {
  let server: WranglerDev

  beforeAll(async () => {
    server = await startWranglerDev({ GRACE_SECONDS: '1' })
  }, 60_000)

  afterAll(() => server?.stop())

  test('the SDK: a burst, a latecomer, feedback, the end', async () => {
    const room = await present(server.url)
    onTestFinished(() => room.leave())
    const early = follow(server.url, room.uuid)
    onTestFinished(() => early.leave())
    const heard: unknown[] = []
    early.each(({ action, params }) => heard.push([action, ...params]))
    await happening(early, 'status', (status) => status === 'live')
    const said = Array.from({ length: 300 }, (_, n) => room.state('slide', n))
    await Promise.all(said)
    await expect.poll(() => heard).toEqual(said.map((_, n) => ['slide', n]))

    const late = follow(server.url, room.uuid)
    onTestFinished(() => late.leave())
    expect(await new Promise((resolve) => late.on('slide', resolve))).toBe(299)
    const feedback = happening(room, 'feedback')
    late.feedback('clap')
    expect(await feedback).toMatchObject({ action: 'clap' })
    await room.close()
    expect(late.ending ?? (await happening(late, 'status', () => late.ending !== undefined))).toBeDefined()
    expect(late.ending).toMatchObject({ code: 'room_closed' })
  })

  test('10 MB to a listener that says what it has taken: what it does not get, it is told of', async () => {
    const room = await present(server.url)
    onTestFinished(() => room.leave())
    const listener = follow(server.url, room.uuid)
    onTestFinished(() => listener.leave())
    let last = -1
    let gaps = 0
    let lagged = 0
    listener.when('lagged', ({ missed }) => (lagged += missed))
    listener.on('slide', (n) => {
      if (n !== last + 1) gaps++
      last = Number(n)
    })
    await happening(listener, 'status', (status) => status === 'live')
    for (let n = 0; n < 250; n++) await room.broadcast('slide', n, 'x'.repeat(40_000))
    await expect.poll(() => last + lagged, { timeout: 10_000 }).toBe(249)
    expect(gaps > 0).toBe(lagged > 0)
    expect(listener.status).toBe('live')
  }, 30_000)

  test('rtbroadcaster’s own, which knows nothing of roomcast', async () => {
    const opened = Promise.withResolvers<void>()
    const owner = new OldClient(server.url, `${server.url}/`, opened.resolve)
    await opened.promise
    const joined = Promise.withResolvers<void>()
    const listener = new OldClient(server.url, `${server.url}/?uuid=${owner.uuid}`, joined.resolve)
    await joined.promise
    const slide = new Promise((resolve) => listener.subscribe('slide', resolve))
    owner.broadcast('slide', ['7'], true)
    expect(await slide).toBe('7')
    owner.close()
    expect(await Promise.all([owner.closed(), listener.closed()])).toEqual([1000, 1000])
    expect([...owner.thrown, ...listener.thrown]).toEqual([])
  })
})
