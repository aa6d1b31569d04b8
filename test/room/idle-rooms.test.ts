import { describe, expect, test } from 'vitest'
import { MemoryLog } from '../../src/logs/memory.ts'
import { Budget } from '../../src/room/budget.ts'
import { DEFAULT_LIMITS } from '../../src/room/limits.ts'
import type { Follower, Snapshot } from '../../src/room/ports.ts'
import { broadcasts, countedSecrets, House, type Member, SteppedClock, says } from '../support/doubles.ts'
import { message } from '../support/messages.ts'

const state = { stateMessage: true }

/** A log that counts how often a room is read in. */
class CountingLog extends MemoryLog {
  reads = 0
  followed = new Set<string>()

  override follow<F extends Follower>(uuid: string, begin: (snapshot: Snapshot) => F): Promise<F | undefined> {
    this.reads++
    this.followed.add(uuid)
    return super.follow(uuid, begin)
  }

  override unfollow(uuid: string, follower: Follower): void {
    this.followed.delete(uuid)
    super.unfollow(uuid, follower)
  }
}

function counted(budget = new Budget(Infinity)) {
  const ground = { clock: new SteppedClock(), secrets: countedSecrets() }
  const log = new CountingLog({ limits: DEFAULT_LIMITS, maxRooms: 1000, secrets: ground.secrets, budget })
  return { log, house: new House({}, log, ground, undefined, budget), budget }
}

async function leave(house: House, ...members: Member[]): Promise<void> {
  for (const { session } of members) session.gone()
  await house.settle()
}

describe('[B2] rooms that emptied stay for a while', () => {
  test('[J1] who comes again does not have it read in again, and gets what is stored', async () => {
    const { house, log } = counted()
    const owner = await house.open()
    const { uuid } = owner.welcome
    says(owner, 'slide', [1], state)
    await house.settle()
    await leave(house, owner)
    expect([house.manager.size, house.manager.idle]).toEqual([0, 1])
    for (let n = 0; n < 10; n++) {
      const one = await house.join(uuid)
      expect(broadcasts(one.connection.received)).toEqual(['slide:1'])
      expect([house.manager.size, house.manager.idle]).toEqual([1, 0])
      await leave(house, one)
    }
    expect(log.reads).toBe(1)
  })

  test('[R4] it goes on following its log', async () => {
    const { house, log } = counted()
    const owner = await house.open()
    const { uuid, ownerKey } = owner.welcome
    await leave(house, owner)
    await log.append(uuid, {
      term: 1,
      state: { key: 'k', retain: 'latest' },
      body: '"funcKey":"by another","funcParams":[],"status":{"value":3},"uuid":""}',
      bytes: 70,
    })
    const late = await house.join(uuid)
    expect(broadcasts(late.connection.received)).toEqual(['by another:'])
    const back = await house.takeBack(uuid, ownerKey!)
    says(back, 'live', [1])
    await house.settle()
    expect(broadcasts(late.connection.received)).toEqual(['by another:', 'live:1'])
  })

  test('[E2] one that ends is not held any more', async () => {
    const { house, log } = counted()
    const owner = await house.open()
    await leave(house, owner)
    house.clock.advance(DEFAULT_LIMITS.grace)
    await house.manager.expire()
    await house.settle()
    expect([house.manager.size, house.manager.idle, log.followed.size]).toEqual([0, 0, 0])
    expect((await house.join(owner.welcome.uuid)).welcome).toMatchObject({ event: { code: 'room_not_found' } })
  })

  test('they are bounded in number: the one that was left longest ago goes first', async () => {
    const { house, log } = counted()
    const owners: Member[] = []
    for (let n = 0; n < 150; n++) owners.push(await house.open())
    await leave(house, ...owners)
    expect(house.manager.idle).toBe(100)
    expect(log.followed).toEqual(new Set(owners.slice(50).map(({ welcome }) => welcome.uuid)))
    const reads = log.reads
    const again = await house.join(owners[50]!.welcome.uuid)
    await leave(house, again)
    expect(log.reads).toBe(reads)
    await leave(house, await house.open())
    expect(log.followed.has(owners[50]!.welcome.uuid)).toBe(true)
    expect(log.followed.has(owners[51]!.welcome.uuid)).toBe(false)
  })

  test('and in bytes; none is kept where little memory is left', async () => {
    const budget = new Budget(32 * 1024 * 1024)
    const { house } = counted(budget)
    const owners: Member[] = []
    for (let n = 0; n < 8; n++) {
      const owner = await house.open()
      owners.push(owner)
      for (let i = 0; i < 10; i++) says(owner, 'page', ['x'.repeat(50_000)], { ...state, stateKey: `${i}` })
      await house.settle()
    }
    await leave(house, ...owners)
    expect(house.manager.idle).toBeGreaterThan(0)
    expect(house.manager.idle).toBeLessThan(8)
    budget.add(28 * 1024 * 1024)
    await house.settle()
    expect(house.manager.idle).toBe(0)
    const one = await house.join(owners[0]!.welcome.uuid)
    await leave(house, one)
    expect(house.manager.idle).toBe(0)
  })

  test('one in which others go on broadcasting is let go of when that costs more than to read it in again', async () => {
    const { house, log } = counted()
    const owner = await house.open()
    const { uuid } = owner.welcome
    await leave(house, owner)
    for (let n = 0; n < 5000 && house.manager.idle > 0; n++) {
      await log.append(uuid, { term: 1, body: `"funcKey":"x","funcParams":[${n}]}${' '.repeat(1000)}`, bytes: 1030 })
      await house.settle()
    }
    expect(log.followed.size).toBe(0)
    expect((await house.join(uuid)).welcome).toMatchObject({ role: 'listener', position: { seq: expect.any(Number) } })
  })

  test('an owner that closes its room after a while alone leaves nothing', async () => {
    const { house, budget } = counted(new Budget(1e9))
    const owner = await house.open()
    const { uuid, ownerKey } = owner.welcome
    await leave(house, owner)
    const back = await house.takeBack(uuid, ownerKey!)
    back.session.receive(JSON.stringify(message(4, { uuid })))
    await house.settle()
    expect([house.manager.size, house.manager.idle, budget.held]).toEqual([0, 0, 0])
  })
})
