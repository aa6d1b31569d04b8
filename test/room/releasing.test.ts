import { describe, expect, test, vi } from 'vitest'
import { broadcasts, House, says } from '../support/doubles.ts'

describe('[J1] a room that is let go of late', () => {
  test('is not the one that came after it: who has joined that goes on hearing it', async () => {
    const house = new House()
    const { uuid, ownerKey } = await house.manager.create()
    const releases: (() => void)[] = []
    const soon = vi.spyOn(house.clock, 'soon').mockImplementation((task) => releases.push(task))
    // Left twice before the event loop has had its turn: let go of twice.
    for (let n = 0; n < 2; n++) {
      const { session } = house.connect()
      session.receive(JSON.stringify({ ...JOIN, uuid }))
      for (let i = 0; i < 20; i++) await Promise.resolve()
      session.gone()
    }
    soon.mockRestore()
    expect(releases.length).toBeGreaterThanOrEqual(2)
    releases.shift()!()
    const listener = await house.join(uuid)
    const owner = await house.takeBack(uuid, ownerKey)
    for (const release of releases) release()
    says(owner, 'n', [1])
    await house.settle()
    expect(broadcasts(listener.connection.received)).toEqual(['n:1'])
    // Nor is there a second one beside it.
    const late = await house.join(uuid)
    says(owner, 'n', [2])
    await house.settle()
    expect([listener, late].map(({ connection }) => broadcasts(connection.received))).toEqual([['n:1', 'n:2'], ['n:2']])
    expect(house.manager.size).toBe(1)
  })
})

const JOIN = { status: { value: 2, text: '' }, funcKey: '', funcParams: [], stateMessage: false }
