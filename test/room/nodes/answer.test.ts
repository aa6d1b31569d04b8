import { describe, expect, test, vi } from 'vitest'
import { says } from '../../support/doubles.ts'
import { events, heard, idOf, roomOnThree } from '../../support/room-on-three.ts'

const LOOK = { kind: 'look', ids: [] }

describe('what another node asks', () => {
  test('is answered by the room that is held here', async () => {
    const { b, uuid, onB } = await roomOnThree()
    const answer = await b.manager.answer('a', uuid, JSON.stringify({ kind: 'look', ids: [idOf(onB), 'b.nobody'] }))
    expect(JSON.parse(answer!)).toEqual({ term: 1, absent: ['b.nobody'] })
  })

  test('is not answered where no such room is held, and none is held for it', async () => {
    const { cluster, uuid } = await roomOnThree()
    const d = cluster.start('d')
    expect(await d.manager.answer('a', uuid, JSON.stringify(LOOK))).toBeUndefined()
    expect(d.manager.size).toBe(0)
  })

  test('is answered by a room that emptied and is still held', async () => {
    const { uuid, onB, b } = await roomOnThree()
    onB.session.gone()
    await b.settle()
    expect(b.manager.size).toBe(0)
    const answer = await b.manager.answer('a', uuid, JSON.stringify({ kind: 'look', ids: [idOf(onB)] }))
    expect(JSON.parse(answer!)).toEqual({ term: 1, absent: [idOf(onB)] })
  })

  test('is answered by a room that is just being taken up', async () => {
    const { cluster, uuid } = await roomOnThree()
    const d = cluster.start('d')
    const held = d.manager.room(uuid)
    expect(await d.manager.answer('a', uuid, JSON.stringify(LOOK))).toBeDefined()
    await held
  })

  test('is not answered where the room cannot be taken up, or is over', async () => {
    const { cluster, b, uuid } = await roomOnThree()
    const d = cluster.start('d')
    vi.spyOn(d.log, 'follow').mockRejectedValue(new Error('out of reach'))
    const held = d.manager.room(uuid)
    const answer = d.manager.answer('a', uuid, JSON.stringify(LOOK))
    await expect(held).rejects.toThrow()
    expect(await answer).toBeUndefined()
    const room = await b.manager.room(uuid)
    room!.ended('room_lost')
    expect(await b.manager.answer('a', uuid, JSON.stringify(LOOK))).toBeUndefined()
  })

  test.each([
    'what',
    'null',
    '[]',
    '{}',
    '{"kind":7}',
    '{"kind":"constructor"}',
    '{"kind":"look"}',
    '{"kind":"look","ids":[1]}',
    '{"kind":"feedback","remarks":[{"from":"x"}]}',
    '{"kind":"whisper","whispers":[{"term":1,"to":"b.x","body":"}"}]}',
    '{"kind":"offer","term":"1","to":"b.x"}',
    '{"kind":"report","term":1,"count":-1,"joined":[],"left":[]}',
  ])('is not answered where it is none: %s', async (question) => {
    const { a, b, owner, uuid, onB } = await roomOnThree()
    for (const { manager } of [a, b]) expect(await manager.answer('c', uuid, question)).toBeUndefined()
    says(owner, 'n', [1])
    await a.settle()
    expect(heard(onB)).toEqual(['n:1'])
    expect(events(owner)).toEqual([])
  })
})
