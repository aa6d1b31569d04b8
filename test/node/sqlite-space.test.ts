import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SqliteLog } from '../../src/logs/sqlite.ts'
import { NodeSqliteDriver } from '../../src/node/sqlite-driver.ts'
import { DEFAULT_LIMITS } from '../../src/room/limits.ts'
import { plain, stored } from '../contracts/room-log.ts'
import { countedSecrets } from '../support/doubles.ts'
import { until } from '../support/events.ts'
import { temporaryFolder } from '../support/folder.ts'

const MEBIBYTE = 1024 * 1024
const uuid = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

let folder: ReturnType<typeof temporaryFolder>
let file: string
let log: SqliteLog

beforeEach(() => {
  folder = temporaryFolder()
  file = join(folder.path, 'roomcast.sqlite')
})
afterEach(async () => {
  await log.close()
  folder.remove()
})

function open(diskBytes?: number): SqliteLog {
  return new SqliteLog(new NodeSqliteDriver(file, 'normal'), {
    limits: DEFAULT_LIMITS,
    maxRooms: 100,
    secrets: countedSecrets(),
    soon: setImmediate,
    onFailure(error) {
      throw error
    },
    ...(diskBytes !== undefined && { diskBytes }),
  })
}

function onDisk(): number {
  return statSync(file).size + (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0)
}

async function fill(rooms: number): Promise<void> {
  for (let n = 0; n < rooms; n++) {
    await log.create(uuid(n), 'hash')
    await Promise.all(Array.from({ length: 250 }, (_, i) => log.append(uuid(n), stored('x'.repeat(4000), `k${i}`))))
  }
}

describe('[B2] space that rooms leave behind is given back', () => {
  test('a little a turn, when all have ended', async () => {
    log = open()
    await fill(20)
    expect(onDisk()).toBeGreaterThan(20 * MEBIBYTE)
    for (let n = 0; n < 20; n++) await log.end(uuid(n), 1, 'room_closed')
    let turns = 0
    while (onDisk() > 2 * MEBIBYTE && turns < 10_000) {
      turns++
      await new Promise(setImmediate)
    }
    expect(onDisk()).toBeLessThan(2 * MEBIBYTE)
    expect(turns).toBeGreaterThan(30)
    await log.create(uuid(0), 'hash')
    expect(await log.append(uuid(0), plain('goes on'))).toEqual({ seq: 1 })
  })

  test('of a file that was made without that, too', async () => {
    const old = new DatabaseSync(file)
    old.exec('PRAGMA journal_mode = WAL; CREATE TABLE other (body TEXT)')
    const insert = old.prepare('INSERT INTO other VALUES (?)')
    for (let n = 0; n < 2000; n++) insert.run('x'.repeat(4000))
    old.exec('DROP TABLE other')
    old.close()
    expect(onDisk()).toBeGreaterThan(7 * MEBIBYTE)
    log = open()
    await until(() => onDisk() < 2 * MEBIBYTE)
    await fill(8)
    for (let n = 0; n < 8; n++) await log.end(uuid(n), 1, 'room_closed')
    await until(() => onDisk() < 2 * MEBIBYTE)
  })
})

describe('[B2] [R3] [O1] the bound on what all rooms store', () => {
  test('over it no room is opened and no state grows; the rooms that there are go on', async () => {
    const bound = 8 * MEBIBYTE
    log = open(bound)
    await log.create(uuid(0), 'hash')
    const full = { problem: { limit: bound, retryAfter: expect.any(Number) } }
    let taken = 0
    for (let n = 1; n < 20; n++) {
      const isOpen = await log.create(uuid(n), 'hash').then(
        () => true,
        (error) => {
          expect(error).toMatchObject({ problem: { code: 'server_full', ...full.problem } })
          return false
        },
      )
      if (!isOpen) break
      const appends = Array.from({ length: 250 }, (_, i) => log.append(uuid(n), stored('x'.repeat(4000), `k${i}`)))
      for (const { status, reason } of (await Promise.allSettled(appends)) as PromiseRejectedResult[]) {
        if (status === 'rejected') expect(reason).toMatchObject({ problem: { code: 'state_full', ...full.problem } })
        else taken++
      }
    }
    expect(taken * 4000).toBeGreaterThan(bound / 3)
    await expect(log.append(uuid(1), stored('more', 'new'))).rejects.toMatchObject({
      problem: { code: 'state_full', field: 'stateMessage', ...full.problem },
    })
    await log.append(uuid(1), stored('less', 'k0'))
    await log.append(uuid(1), stored('cleared', 'k1', 'clear'))
    for (let n = 0; n < 5000; n++) void log.append(uuid(0), plain('x'.repeat(1000)))
    await log.append(uuid(0), plain('passes'))
    expect(onDisk()).toBeLessThan(bound + 2 * MEBIBYTE)
    for (let n = 1; n < 4; n++) await log.end(uuid(n), 1, 'room_closed')
    await until(() =>
      log.append(uuid(4), stored('fits again', 'new')).then(
        () => true,
        () => false,
      ),
    )
    await log.create(uuid(99), 'hash')
  })
})
