import { describe, expect, test, vi } from 'vitest'
import { Cluster } from '../../support/cluster.ts'
import { broadcasts, says } from '../../support/doubles.ts'
import { events, eventsOf, heard, idOf, roomOnThree } from '../../support/room-on-three.ts'

const state = { stateMessage: true }

describe('[C1] feedback to an owner on another node', () => {
  test('the owner hears it, in order, and the listener gets the ack', async () => {
    const { a, owner, onB, onC } = await roomOnThree()
    for (const n of [1, 2, 3]) says(onB, 'clap', [n], { id: `id${n}`, ...(n === 2 && state) })
    says(onC, 'boo', [4])
    await a.settle()
    const told = owner.connection.fresh()
    expect(broadcasts(told).sort()).toEqual(['boo:4', 'clap:1', 'clap:2', 'clap:3'])
    expect(told.filter(({ from }) => from === idOf(onB)).map(({ funcParams }) => funcParams)).toEqual([[1], [2], [3]])
    expect(told.some(({ stateMessage }) => stateMessage)).toBe(false)
    const { epoch } = onB.welcome.position!
    expect(events(onB)).toEqual([1, 2, 3].map((n) => ({ type: 'ack', id: `id${n}`, position: { epoch, seq: 0 } })))
    expect(events(onC)).toEqual([])
  })

  test('what is said while an answer is awaited goes in one question', async () => {
    const { cluster, a, owner, onB } = await roomOnThree()
    cluster.hold()
    for (const n of [1, 2, 3, 4]) says(onB, 'clap', [n])
    await a.settle()
    expect(cluster.asked).toHaveLength(1)
    cluster.release()
    await a.settle()
    expect(cluster.asked).toHaveLength(2)
    expect(heard(owner)).toEqual(['clap:1', 'clap:2', 'clap:3', 'clap:4'])
  })

  test('it keeps its order when the owner comes to the node of the listener meanwhile', async () => {
    const { cluster, a, b, uuid, ownerKey, onB } = await roomOnThree()
    cluster.hold()
    for (const n of [1, 2]) says(onB, 'clap', [n], { id: `${n}` })
    const back = await b.takeBack(uuid, ownerKey)
    says(onB, 'clap', [3], { id: '3' })
    expect(heard(back)).toEqual([])
    cluster.release()
    await a.settle()
    expect(broadcasts(back.connection.received)).toEqual(['clap:2', 'clap:3'])
    expect(events(onB)).toMatchObject([{ code: 'owner_absent', id: '1' }, { id: '2' }, { id: '3' }])
  })

  test('the owner, on another node, takes no feedback: it is spared it, and the listener is told', async () => {
    const { a, b, uuid, ownerKey, onB } = await roomOnThree()
    const back = await a.takeBack(uuid, ownerKey, { can: [] })
    onB.connection.fresh()
    says(onB, 'clap', [1], { id: 'x' })
    await b.settle()
    expect(events(onB)).toMatchObject([{ code: 'feedback_unsupported', id: 'x' }])
    expect(broadcasts(back.connection.received)).toEqual([])
  })

  test('nobody answers: the owner is absent', async () => {
    const { cluster, a, onB } = await roomOnThree()
    cluster.silence('a')
    says(onB, 'clap', [], { id: 'x' })
    says(onB, 'clap')
    await a.settle()
    expect(events(onB)).toMatchObject([{ type: 'error', code: 'owner_absent', id: 'x' }, { code: 'owner_absent' }])
  })

  test('the owner has just gone from there: it is absent', async () => {
    const { cluster, a, owner, onB } = await roomOnThree()
    cluster.log.hold('b')
    owner.session.gone()
    says(onB, 'clap', [], { id: 'x' })
    await a.settle()
    expect(cluster.asked).toHaveLength(1)
    expect(events(onB)).toMatchObject([{ code: 'owner_absent', id: 'x' }])
  })

  test('the owner is known to be nowhere: nobody is asked', async () => {
    const { cluster, a, owner, onB } = await roomOnThree()
    owner.session.gone()
    await a.settle()
    says(onB, 'clap', [], { id: 'x' })
    expect(eventsOf(onB.connection.fresh())).toMatchObject([{ here: false }, { code: 'owner_absent', id: 'x' }])
    expect(cluster.asked).toEqual([])
  })

  test('[E1] the room is over, and the line not closed yet: nobody is asked', async () => {
    const { cluster, b, uuid, onB } = await roomOnThree()
    const room = await b.manager.room(uuid)
    room!.ended('room_closed')
    says(onB, 'clap', [], { id: 'x' })
    await b.settle()
    expect(cluster.asked).toEqual([])
    expect(events(onB)).toMatchObject([{ code: 'owner_absent', id: 'x' }, { code: 'room_closed' }])
  })

  test('the owner reads too slowly: the listener is told to wait', async () => {
    const { a, owner, onB } = await roomOnThree({ highWaterMark: 4000 })
    owner.connection.block()
    for (const n of [1, 2, 3]) says(onB, 'clap', ['x'.repeat(800)], { id: `${n}` })
    await a.settle()
    expect(events(onB)).toMatchObject([
      { type: 'ack', id: '1' },
      { type: 'ack', id: '2' },
      { code: 'rate_limited', retryAfter: 1000, id: '3' },
    ])
  })

  test('[B2] no more than 1,000 wait for an answer, nor more than 1 MiB of them', async () => {
    const { cluster, a, onB, onC } = await roomOnThree({ feedbackRate: 1000, feedbackBytes: 10_000_000 })
    cluster.hold()
    for (let n = 1; n <= 1001; n++) says(onB, 'clap', [n], { id: `${n}` })
    for (let n = 1; n <= 30; n++) says(onC, 'clap', ['x'.repeat(40_000)], { id: `${n}` })
    await a.settle()
    expect(events(onB)).toMatchObject([{ code: 'rate_limited', id: '1001' }])
    expect(events(onC).map((event) => 'id' in event && event.id)).toEqual(['28', '29', '30'])
    expect(cluster.asked).toHaveLength(2)
    cluster.silence('a')
    cluster.release()
    await a.settle()
    const refused = events(onB)
    expect(refused).toHaveLength(1000)
    expect(refused.every((event) => 'code' in event && event.code === 'owner_absent')).toBe(true)
  })

  test('[B2] an answer that comes when the listener has gone is told to nobody', async () => {
    const { cluster, a, b, owner, onB } = await roomOnThree()
    cluster.hold()
    says(onB, 'clap', [], { id: 'x' })
    onB.session.gone()
    await a.settle()
    expect(b.manager.size).toBe(0)
    cluster.release()
    await a.settle()
    expect(onB.connection.fresh()).toEqual([])
    expect(heard(owner)).toEqual(['clap:'])
  })

  test('[B2] a way there that fails is like one where nobody answers', async () => {
    const cluster = new Cluster()
    const owner = await cluster.start('a').open()
    const b = cluster.start('b')
    vi.spyOn(b.house.nodes!, 'ask').mockRejectedValue(new Error('broken'))
    const listener = await b.join(owner.welcome.uuid)
    says(listener, 'clap', [], { id: 'x' })
    await b.settle()
    expect(events(listener)).toMatchObject([{ code: 'owner_absent', id: 'x' }])
    vi.spyOn(b.house.nodes!, 'ask').mockResolvedValue('what')
    says(listener, 'clap', [], { id: 'y' })
    await b.settle()
    expect(events(listener)).toMatchObject([{ code: 'owner_absent', id: 'y' }])
  })
})
