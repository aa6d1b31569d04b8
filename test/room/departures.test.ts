import { describe, expect, test, vi } from 'vitest'
import type { SqlDriver } from '../../src/logs/sql-driver.ts'
import { SqliteLog } from '../../src/logs/sqlite.ts'
import { NodeSqliteDriver } from '../../src/node/sqlite-driver.ts'
import { RoomError } from '../../src/room/errors.ts'
import { DEFAULT_LIMITS } from '../../src/room/limits.ts'
import { broadcasts, countedSecrets, House, type Member, SteppedClock, says } from '../support/doubles.ts'

const GRACE = 60_000
const MAX_ROOMS = 3

/** A database on a disk that is full while it is told to be. */
function fillingDisk() {
  const driver: SqlDriver = new NodeSqliteDriver(':memory:', 'normal')
  const disk = { isFull: false, refused: 0, driver }
  const run = driver.run.bind(driver)
  driver.run = (sql, ...values) => {
    if (disk.isFull && /^(INSERT|UPDATE|DELETE)/.test(sql.trim())) {
      disk.refused++
      throw new Error('the disk is full')
    }
    run(sql, ...values)
  }
  return disk
}

function houseOnDisk() {
  const disk = fillingDisk()
  const [clock, secrets] = [new SteppedClock(), countedSecrets()]
  const limits = { ...DEFAULT_LIMITS, grace: GRACE }
  const soon = (flush: () => void) => clock.soon(flush)
  const log = new SqliteLog(disk.driver, { limits, maxRooms: MAX_ROOMS, secrets, soon, onFailure: () => {} })
  return { disk, house: new House(limits, log, { clock, secrets }) }
}

/** Lets time pass, and all that follows from it. */
async function pass(house: House, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 500) {
    house.clock.advance(Math.min(left, 500))
    const expired = house.manager.expire().catch(() => {})
    await house.settle()
    await expired
    await house.settle()
  }
}

const ownerNews = ({ connection }: Member) => connection.received.filter(({ event }) => event?.type === 'owner')

describe('[E2] an owner that leaves while the log cannot be written', () => {
  test('the log is told when it can be, listeners hear it then, and the grace time counts from then', async () => {
    const { disk, house } = houseOnDisk()
    const owner = await house.open()
    const { uuid } = owner.welcome
    const listener = await house.join(uuid)
    disk.isFull = true
    owner.session.gone()
    await pass(house, 2 * GRACE)
    expect(ownerNews(listener)).toEqual([])
    expect(listener.connection.closed).toBeUndefined()
    disk.isFull = false
    await pass(house, 10_000)
    expect(ownerNews(listener)).toMatchObject([{ event: { here: false } }])
    await pass(house, GRACE - 10_000)
    expect(listener.connection.closed).toBeUndefined()
    await pass(house, 10_000)
    expect(listener.connection.received.at(-1)).toMatchObject({ event: { code: 'room_abandoned' } })
    for (let n = 0; n < MAX_ROOMS; n++) expect((await house.open()).welcome.role).toBe('owner')
  })

  test('it is tried again without end, but not often, and nothing is left to do once it is told', async () => {
    const { disk, house } = houseOnDisk()
    const owner = await house.open()
    const waiting = house.clock.pending
    disk.isFull = true
    owner.session.gone()
    await pass(house, 60_000)
    const refused = disk.refused
    expect(refused).toBeGreaterThan(5)
    await pass(house, 60_000)
    expect(disk.refused - refused).toBeLessThanOrEqual(6)
    expect(disk.refused).toBeGreaterThan(refused)
    disk.isFull = false
    await pass(house, 10_000)
    expect(house.clock.pending).toBeLessThanOrEqual(waiting)
  })

  test('of one that is back by then nothing is told', async () => {
    const house = new House({ grace: GRACE })
    const owner = await house.open()
    const { uuid, ownerKey } = owner.welcome
    const listener = await house.join(uuid)
    const left = vi.spyOn(house.log, 'ownerLeft').mockRejectedValue(new RoomError('log_unavailable', 'out of reach'))
    owner.session.gone()
    await house.settle()
    const back = await house.takeBack(uuid, ownerKey!)
    left.mockRestore()
    await pass(house, 2 * GRACE)
    expect(ownerNews(listener)).toEqual([])
    says(back, 'n', [1])
    await house.settle()
    expect(broadcasts(listener.connection.received)).toEqual(['n:1'])
  })

  test('many are told of together, and one that the log does not take keeps none of the others', async () => {
    const house = new House({ grace: GRACE })
    const owners = await Promise.all(Array.from({ length: 100 }, () => house.open()))
    const unlucky = owners[7]!.welcome.uuid
    const ownerLeft = house.log.ownerLeft.bind(house.log)
    let isDown = true
    vi.spyOn(house.log, 'ownerLeft').mockImplementation(async (uuid, ...asked) => {
      if (isDown || uuid === unlucky) throw new RoomError('log_unavailable', 'out of reach')
      return ownerLeft(uuid, ...asked)
    })
    const waiting = house.clock.pending
    for (const { session } of owners) session.gone()
    await house.settle()
    expect(house.clock.pending).toBeLessThanOrEqual(waiting + 1)
    isDown = false
    await pass(house, 1000)
    expect(await house.log.abandoned(house.clock.now())).toHaveLength(99)
  })

  test('a server that stops tries no more', async () => {
    const { disk, house } = houseOnDisk()
    const owner = await house.open()
    disk.isFull = true
    owner.session.gone()
    await house.settle()
    house.manager.close()
    const { refused } = disk
    await pass(house, 60_000)
    expect(disk.refused).toBe(refused)
  })
})

describe('[O1] [E2] a room that is opened with nobody in it', () => {
  test('is made in one step: where that fails there is none, and where it is made it ends after the grace time', async () => {
    const { disk, house } = houseOnDisk()
    let writes = 0
    const transaction = disk.driver.transaction.bind(disk.driver)
    disk.driver.transaction = (work) => {
      writes++
      // The disk fills up between one commit and the next.
      disk.isFull = writes > 1
      return transaction(work)
    }
    const creating = house.manager.create()
    await house.settle()
    const { uuid } = await creating
    disk.driver.transaction = transaction
    disk.isFull = false
    await pass(house, GRACE - 500)
    expect((await house.join(uuid)).welcome.role).toBe('listener')
    await pass(house, 500)
    expect((await house.join(uuid)).connection.closed?.code).toBe(4500)
    disk.isFull = true
    const failing = expect(house.manager.create()).rejects.toMatchObject({ problem: { code: 'log_unavailable' } })
    await house.settle()
    await failing
    disk.isFull = false
    for (let n = 0; n < MAX_ROOMS; n++) expect((await house.open()).welcome.role).toBe('owner')
  })
})

describe('[E2] a room whose end cannot be written', () => {
  test('ends when it can be', async () => {
    const { disk, house } = houseOnDisk()
    const owner = await house.open()
    const listener = await house.join(owner.welcome.uuid)
    owner.session.gone()
    await house.settle()
    disk.isFull = true
    await pass(house, 2 * GRACE)
    expect(listener.connection.closed).toBeUndefined()
    disk.isFull = false
    await pass(house, 500)
    expect(listener.connection.received.at(-1)).toMatchObject({ event: { code: 'room_abandoned' } })
  })
})
