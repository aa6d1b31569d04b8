import { describe, expect, test, vi } from 'vitest'
import { broadcasts, says } from '../../support/doubles.ts'
import { message } from '../../support/messages.ts'
import { events, heard, roomOnThree } from '../../support/room-on-three.ts'

const state = { stateMessage: true }

describe('one room on several nodes', () => {
  test('[C2] all listeners get the same broadcasts, in the same order', async () => {
    const { a, owner, onA, onB, onC } = await roomOnThree()
    for (let n = 1; n <= 20; n++) says(owner, 'n', [n], n % 3 === 0 ? state : {})
    await a.settle()
    for (const { connection } of [onA, onB, onC]) {
      expect(connection.fresh().map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    }
  })

  test('[E1] [E2] its owner drops, comes back on another node, and ends it', async () => {
    const { a, b, owner, uuid, ownerKey, onA, onB, onC } = await roomOnThree()
    owner.session.gone()
    await a.settle()
    const back = await b.takeBack(uuid, ownerKey)
    await a.settle()
    for (const member of [onA, onB, onC]) expect(events(member)).toMatchObject([{ here: false }, { here: true }])
    back.session.receive(JSON.stringify(message(4, { uuid })))
    await a.settle()
    for (const { connection } of [back, onA, onB, onC]) {
      expect(connection.received.at(-1)).toMatchObject({ event: { code: 'room_closed' } })
      expect(connection.closed?.code).toBe(1000)
    }
  })

  test('[O3] taking it back on another node displaces the owner on this one', async () => {
    const { b, owner, uuid, ownerKey, onC } = await roomOnThree()
    const back = await b.takeBack(uuid, ownerKey)
    expect(owner.connection.closed?.code).toBe(4502)
    says(back, 'n', [1])
    await b.settle()
    expect(heard(onC)).toEqual(['n:1'])
  })

  test('[O3] an owner is let in here before its own node has heard of it: the former one is displaced all the same', async () => {
    const { cluster, a, owner, uuid, ownerKey, onA, onB } = await roomOnThree()
    cluster.log.hold('a')
    const back = await a.takeBack(uuid, ownerKey)
    expect(owner.connection.closed?.code).toBe(4502)
    says(onB, 'clap', [1], { id: 'x' })
    await a.settle()
    expect(broadcasts(back.connection.fresh())).toEqual(['clap:1'])
    cluster.log.release('a')
    await a.settle()
    says(onA, 'clap', [2])
    expect(broadcasts(back.connection.fresh())).toEqual(['clap:2'])
    expect(back.connection.closed).toBeUndefined()
  })

  test('[J5] who joins on a node that has not been told yet what was broadcast is let in when it has been', async () => {
    const { cluster, a, c, owner, uuid, onC } = await roomOnThree()
    cluster.log.hold('c')
    says(owner, 'slide', [1], state)
    await a.settle()
    expect(heard(onC)).toEqual([])
    const late = await c.join(uuid)
    expect(late.welcome).toMatchObject({ position: { seq: 1 }, replay: 1 })
    expect(heard(late)).toEqual(['slide:1'])
    await a.settle()
    expect(heard(onC)).toEqual(['slide:1'])
  })

  test('a room that is let go of while it is made level for who joins is not entered, but taken up anew', async () => {
    const { cluster, a, c, owner, uuid, onC } = await roomOnThree()
    const { promise, resolve } = Promise.withResolvers<void>()
    const level = vi.spyOn(c.log, 'level').mockReturnValueOnce(promise)
    const { session, connection } = c.connect()
    session.receive(JSON.stringify(message(2, { uuid })))
    await c.settle()
    expect(level).toHaveBeenCalled()
    onC.session.gone()
    await c.settle()
    resolve()
    await c.settle()
    says(owner, 'n', [1])
    await a.settle()
    expect(broadcasts(connection.received)).toEqual(['n:1'])
    expect(cluster.asked).not.toEqual([])
  })

  test('[C1] an owner is let in here while its node takes it to be on another: listeners here speak to it', async () => {
    const { cluster, a, c, owner, uuid, ownerKey, onC } = await roomOnThree()
    cluster.log.hold('c')
    const back = await c.takeBack(uuid, ownerKey)
    says(onC, 'clap', [1], { id: 'x' })
    await a.settle()
    expect(broadcasts(back.connection.received)).toEqual(['clap:1'])
    expect(broadcasts(owner.connection.received)).toEqual([])
  })
})
