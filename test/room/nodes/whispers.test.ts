import { describe, expect, test } from 'vitest'
import { broadcasts, says } from '../../support/doubles.ts'
import { message } from '../../support/messages.ts'
import { events, eventsOf, heard, idOf, roomOnThree } from '../../support/room-on-three.ts'

describe('[C4] a message to clients on several nodes', () => {
  test('all that are named get it, and nobody else; it takes no seq', async () => {
    const { a, owner, onA, onB, onC } = await roomOnThree()
    says(owner, 'psst', [1], { to: [onC, onA, owner].map(idOf), id: 'x' })
    await a.settle()
    expect([owner, onA, onB, onC].map((member) => broadcasts(member.connection.received))).toEqual([
      ['psst:1'],
      ['psst:1'],
      [],
      ['psst:1'],
    ])
    expect(onC.connection.fresh()[0]).not.toHaveProperty('seq')
    expect(events(owner)).toMatchObject([{ type: 'ack', id: 'x', position: { seq: 0 } }])
  })

  test('who is named a thousand times gets it once, wherever it is', async () => {
    const { cluster, a, owner, onA, onC } = await roomOnThree()
    const to = Array.from({ length: 500 }, () => [onA, onC, owner].map(idOf)).flat()
    says(owner, 'psst', [1], { to: to.slice(0, 1000) })
    await a.settle()
    expect([owner, onA, onC].map(heard)).toEqual([['psst:1'], ['psst:1'], ['psst:1']])
    expect(cluster.asked.length).toBeLessThan(5)
  })

  test.each([
    ['is not on its node', 'b.nobody'],
    ['is on a node that there is not', 'z.nobody'],
    ['is not here', 'a.nobody'],
    ['names no node', 'nobody'],
  ])('[C5] one that %s: nobody gets it, and the first such is named', async (_, nobody) => {
    const { a, owner, onA, onB, onC } = await roomOnThree()
    says(owner, 'psst', [1], { to: [idOf(onC), idOf(onA), nobody, idOf(onB), 'c.nobody', 'nobody'], id: 'x' })
    await a.settle()
    expect([onA, onB, onC].map(heard)).toEqual([[], [], []])
    expect(events(owner)).toMatchObject([
      { code: 'unknown_client', field: 'to', message: expect.stringContaining('to.2 '), id: 'x' },
    ])
  })

  test('[C5] one whose node does not answer: nobody gets it', async () => {
    const { cluster, a, owner, onB, onC } = await roomOnThree()
    cluster.silence('c')
    says(owner, 'psst', [1], { to: [idOf(onB), idOf(onC)], id: 'x' })
    await a.settle()
    expect([onB, onC].map(heard)).toEqual([[], []])
    expect(events(owner)).toMatchObject([{ code: 'unknown_client', message: expect.stringContaining('to.1 ') }])
  })

  test('one whose node is lost between the question and the message: the owner learns that it is not known', async () => {
    const { cluster, a, owner, onB, onC } = await roomOnThree()
    cluster.hold()
    says(owner, 'psst', [1], { to: [idOf(onB), idOf(onC)], id: 'x' })
    cluster.release()
    cluster.hold()
    await a.settle()
    expect(cluster.asked.map(({ question }) => question.kind)).toEqual(['look', 'look', 'whisper', 'whisper'])
    cluster.silence('c')
    cluster.release()
    await a.settle()
    expect(heard(onB)).toEqual(['psst:1'])
    expect(events(owner)).toMatchObject([{ code: 'log_unavailable', id: 'x' }])
  })

  test('to oneself asks nobody', async () => {
    const { cluster, a, owner } = await roomOnThree()
    says(owner, 'psst', [1], { to: 'self' })
    expect(heard(owner)).toEqual(['psst:1'])
    await a.settle()
    expect(cluster.asked).toEqual([])
  })

  test('messages to the same clients arrive in the order they were said, wherever else they go', async () => {
    const { cluster, a, owner, onA, onB, onC } = await roomOnThree()
    const lists = [[onB, onA], [onA], [onC, onB, onA], [onA], [onB]]
    lists.forEach((to, i) => {
      if (i === 1) cluster.hold()
      says(owner, 'n', [i], { to: to.map(idOf), id: `${i}` })
    })
    says(owner, 'n', [5], { to: 'self' })
    await a.settle()
    cluster.release()
    await a.settle()
    expect([onA, onB, onC].map(heard)).toEqual([['n:0', 'n:1', 'n:2', 'n:3'], ['n:0', 'n:2', 'n:4'], ['n:2']])
    const told = owner.connection.fresh()
    expect(broadcasts(told)).toEqual(['n:5'])
    expect(eventsOf(told).map((event) => 'id' in event && event.id)).toEqual(['0', '1', '2', '3', '4'])
  })

  test('[R6] a client on another node whose line is full is passed over', async () => {
    const { a, owner, onB, onC } = await roomOnThree({ highWaterMark: 1000 })
    onB.connection.block()
    for (const n of [1, 2]) {
      says(owner, 'n', [n, 'x'.repeat(1000)])
      await a.settle()
    }
    const { backlog } = onB.connection
    says(owner, 'psst', [1], { to: [idOf(onB), idOf(onC)], id: 'x' })
    await a.settle()
    expect(onB.connection.backlog).toBe(backlog)
    expect(heard(onC).at(-1)).toBe('psst:1')
    expect(events(owner)).toMatchObject([{ type: 'ack', id: 'x' }])
  })

  test('[O3] an old term is refused, as soon as any node that is asked knows the new one', async () => {
    const { cluster, a, b, owner, uuid, ownerKey, onB, onC } = await roomOnThree()
    for (const node of ['a', 'c']) cluster.log.hold(node)
    await b.takeBack(uuid, ownerKey)
    says(owner, 'old', [1], { to: [idOf(onB), idOf(onC)], id: 'x' })
    await a.settle()
    expect([onB, onC].map(heard)).toEqual([[], []])
    expect(events(owner)).toMatchObject([{ code: 'displaced', id: 'x' }])
    cluster.log.release('a')
    expect(owner.connection.closed?.code).toBe(4502)
  })

  test('[O3] a term that ends between the question and the message: it is not passed on', async () => {
    const { cluster, a, b, owner, uuid, ownerKey, onC } = await roomOnThree()
    cluster.log.hold('a')
    cluster.hold()
    says(owner, 'old', [1], { to: [idOf(onC)], id: 'x' })
    cluster.release()
    cluster.hold()
    await a.settle()
    await b.takeBack(uuid, ownerKey)
    cluster.release()
    await a.settle()
    expect(heard(onC)).toEqual([])
    expect(events(owner)).toMatchObject([{ code: 'displaced', id: 'x' }])
  })

  test('[O3] who is displaced while its message is under way is told no more than that', async () => {
    const { cluster, a, b, owner, uuid, ownerKey, onC } = await roomOnThree()
    cluster.hold()
    says(owner, 'old', [1], { to: [idOf(onC)], id: 'x' })
    await b.takeBack(uuid, ownerKey)
    cluster.release()
    await a.settle()
    expect(heard(onC)).toEqual([])
    expect(owner.connection.fresh()).toMatchObject([{ status: { value: 0 }, event: { code: 'displaced' } }])
  })

  test('[E1] a room that ends while answers are awaited is not disturbed by them', async () => {
    const { cluster, a, owner, uuid, onB, onC } = await roomOnThree()
    cluster.hold()
    says(owner, 'psst', [1], { to: [idOf(onC)], id: 'x' })
    says(onB, 'clap', [1], { id: 'y' })
    owner.session.receive(JSON.stringify(message(3, { uuid, handover: idOf(onC), id: 'z' })))
    owner.session.receive(JSON.stringify(message(4, { uuid })))
    await a.settle()
    for (const { session } of [owner, onB, onC]) session.gone()
    await a.settle()
    for (const { connection } of [owner, onB, onC]) connection.fresh()
    cluster.release()
    await a.settle()
    for (const { connection } of [owner, onB, onC]) expect(connection.fresh()).toEqual([])
  })

  test('[B2] no more than 1,000 wait for an answer', async () => {
    const { cluster, a, owner, onC } = await roomOnThree()
    cluster.hold()
    for (let n = 1; n <= 1001; n++) says(owner, 'psst', [n], { to: [idOf(onC)], id: `${n}` })
    await a.settle()
    expect(events(owner)).toMatchObject([{ code: 'log_unavailable', id: '1001' }])
    cluster.release()
    await a.settle()
    expect(heard(onC)).toHaveLength(1000)
    expect(cluster.asked).toHaveLength(4)
    expect(events(owner)).toHaveLength(1000)
  })

  test('[B2] nor are more than 1,000 nodes asked at a time, whatever names are made up', async () => {
    const { cluster, a, owner } = await roomOnThree()
    cluster.hold()
    const made = (from: string) => Array.from({ length: 900 }, (_, n) => `${from}${n}.x`)
    says(owner, 'psst', [1], { to: made('m') })
    says(owner, 'psst', [1], { to: made('n') })
    says(owner, 'psst', [1], { to: made('o') })
    expect(cluster.asked).toHaveLength(900)
    cluster.release()
    cluster.hold()
    await a.settle()
    expect(cluster.asked).toHaveLength(1900)
    cluster.release()
    await a.settle()
    expect(events(owner).map((event) => 'code' in event && event.code)).toEqual(Array(3).fill('unknown_client'))
  })
})
