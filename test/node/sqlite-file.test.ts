import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MIGRATIONS } from '../../src/logs/schema.ts'
import { SqliteLog } from '../../src/logs/sqlite.ts'
import { readConfig } from '../../src/node/config.ts'
import { explain, openLog } from '../../src/node/log.ts'
import { NodeSqliteDriver } from '../../src/node/sqlite-driver.ts'
import { Budget } from '../../src/room/budget.ts'
import { DEFAULT_LIMITS } from '../../src/room/limits.ts'
import { plain, Recorder, stored } from '../contracts/room-log.ts'
import { Child } from '../support/child.ts'
import { countedSecrets, SteppedClock } from '../support/doubles.ts'
import { temporaryFolder } from '../support/folder.ts'

const A = '00000000-0000-4000-8000-00000000000a'

let folder: ReturnType<typeof temporaryFolder>
let file: string

beforeEach(() => {
  folder = temporaryFolder()
  file = join(folder.path, 'roomcast.sqlite')
})
afterEach(() => folder.remove())

function open(env: Record<string, string> = {}) {
  const config = readConfig({ LOG: 'sqlite', DATA_DIR: folder.path, ...env })
  const clock = Object.assign(new SteppedClock(), { sooner: setImmediate, ahead: queueMicrotask })
  return openLog(
    config,
    { limits: DEFAULT_LIMITS, budget: new Budget(Infinity), secrets: countedSecrets(), clock },
    () => {},
  )
}

describe('a file that cannot be used is refused at start, in words', () => {
  test('in use by another process', async () => {
    const first = new Child(process.execPath, ['src/node/start.mjs'], { LOG: 'sqlite', DATA_DIR: folder.path })
    await first.url()
    const second = new Child(process.execPath, ['src/node/start.mjs'], { LOG: 'sqlite', DATA_DIR: folder.path })
    expect((await second.exit).code).toBe(1)
    expect(second.output).toContain(`${file} cannot be used: another process is using it`)
    expect(first.isRunning).toBe(true)
    await first.kill()
    await open().close()
  })

  test('not a database', () => {
    writeFileSync(file, 'no database at all, but long enough to be looked at as if it were one'.repeat(100))
    expect(() => open()).toThrow('not a SQLite database, or damaged')
  })

  test('damaged', async () => {
    const log = open()
    for (let n = 0; n < 100; n++) await log.create(A.replace(/..$/, String(n).padStart(2, '0')), 'hash')
    await log.close()
    const database = new DatabaseSync(file)
    database.exec('PRAGMA journal_mode = DELETE')
    database.close()
    // All but the first page, which says that it is a database.
    writeFileSync(file, Buffer.alloc(40_000, 0xa5), { flag: 'r+', flush: true })
    expect(() => open()).toThrow(/damaged/)
  })

  test('of a newer version', async () => {
    await open().close()
    const database = new DatabaseSync(file)
    database.exec('UPDATE schema SET version = 99')
    database.close()
    expect(() => open()).toThrow(/made by a newer roomcast/)
    // It was not touched.
    const again = new DatabaseSync(file)
    expect(again.prepare('SELECT version FROM schema').get()).toEqual({ version: 99 })
    again.close()
  })

  test('in a folder that cannot be made', () => {
    writeFileSync(join(folder.path, 'taken'), '')
    expect(() => open({ DATA_DIR: join(folder.path, 'taken', 'data') })).toThrow(/cannot be used/)
  })

  test('read-only', async () => {
    const driver = new NodeSqliteDriver(file, 'normal')
    driver.run('PRAGMA query_only = 1')
    try {
      newLog(driver)
      expect.unreachable()
    } catch (error) {
      expect(explain(error)).toContain('cannot be written')
    }
    driver.close()
  })
})

function newLog(driver: NodeSqliteDriver, failures: unknown[] = []): SqliteLog {
  return new SqliteLog(driver, {
    limits: DEFAULT_LIMITS,
    maxRooms: 10,
    secrets: countedSecrets(),
    soon: setImmediate,
    onFailure: (error) => failures.push(error),
  })
}

describe('a disk that fills up while running', () => {
  test('the requests are refused, nobody hears of them, and when there is room again all goes on', async () => {
    const failures: unknown[] = []
    const driver = new NodeSqliteDriver(file, 'normal')
    const log = newLog(driver, failures)
    await log.create(A, 'hash')
    const recorder = await log.follow(A, (snapshot) => new Recorder(snapshot))
    const pages = Number(driver.all('PRAGMA page_count')[0]!.page_count)
    driver.all(`PRAGMA max_page_count = ${pages + 20}`)
    const taken: number[] = []
    let refused = 0
    for (let n = 0; n < 40; n++) {
      await log.append(A, stored('x'.repeat(10_000), `k${n}`)).then(
        ({ seq }) => taken.push(seq),
        (error) => {
          expect(error).toMatchObject({ problem: { code: 'log_unavailable' } })
          refused++
        },
      )
    }
    expect(refused).toBeGreaterThan(10)
    expect(failures).toHaveLength(refused)
    expect(explain(failures[0])).toBe('the disk is full')
    driver.all('PRAGMA max_page_count = 1000000')
    taken.push((await log.append(A, plain('again'))).seq)
    expect(taken).toEqual(Array.from(taken, (_, i) => i + 1))
    expect(recorder!.entries.map(({ seq }) => seq)).toEqual(taken)
    await log.close()
    const found = await newLog(new NodeSqliteDriver(file, 'normal')).follow(A, (snapshot) => new Recorder(snapshot))
    expect(found!.snapshot.tail.map(({ seq }) => seq)).toEqual(taken)
  })
})

describe('a file of an older version', () => {
  test('is brought up to date, and its rooms go on', async () => {
    const old = new DatabaseSync(file)
    for (const statement of [
      'CREATE TABLE schema (version INTEGER NOT NULL) STRICT',
      ...MIGRATIONS[0]!,
      'INSERT INTO schema VALUES (1)',
      `INSERT INTO rooms (uuid, epoch, seq, owner_hash, handover_hash) VALUES ('${A}', 'e', 1, 'hash', 'heir')`,
      `INSERT INTO entries VALUES (1, 1, 1, NULL, 'k', 'latest', NULL, 'slide', 5, 1)`,
    ]) {
      old.exec(statement)
    }
    old.close()
    const log = open()
    const recorder = await log.follow(A, (snapshot) => new Recorder(snapshot))
    expect(recorder!.snapshot).toMatchObject({ seq: 1, state: [{ body: 'slide' }] })
    expect(await log.takeOver(A, 'heir', 'lost')).toEqual({ term: 2, handedOver: true })
    await log.close()
    // What is written now is found as it was.
    const again = open()
    expect(await again.takeOver(A, 'heir', 'fresh')).toEqual({ term: 3, handedOver: true })
    expect(await again.append(A, plain('more', { term: 3 }))).toEqual({ seq: 2 })
    await again.close()
  })
})

describe('taking up the rooms of the process before', () => {
  test('their owners are not here, and their grace time starts', async () => {
    const before = open()
    await before.create(A, 'hash')
    await before.append(A, stored('slide', 'k'))
    await before.close()
    const log = open()
    const recorder = await log.follow(A, (snapshot) => new Recorder(snapshot))
    expect(recorder!.snapshot).toMatchObject({ ownerHere: false, seq: 1, state: [{ body: 'slide' }] })
    expect(await log.abandoned(2_000_000)).toEqual([{ uuid: A, term: 1 }])
    await log.close()
  })

  test('[E2] of those that had left before, it starts anew: nobody could come back meanwhile', async () => {
    const before = open()
    await before.create(A, 'hash')
    await before.ownerLeft(A, 1, 5)
    await before.close()
    const log = open()
    // The stepped clock starts at 1,000,000.
    expect(await log.abandoned(999_999)).toEqual([])
    expect(await log.abandoned(1_000_000)).toEqual([{ uuid: A, term: 1 }])
    await log.close()
  })

  test('[R5] the epoch stays, unless commits may have been lost with the power', async () => {
    const epochs: string[] = []
    for (const [boot, create] of [['one', true], ['one'], ['two'], ['two']] as const) {
      const log = newLog(new NodeSqliteDriver(file, 'normal'))
      log.takeUp(1000, boot)
      if (create) await log.create(A, 'hash')
      epochs.push((await log.follow(A, (snapshot) => new Recorder(snapshot)))!.snapshot.epoch)
      await log.close()
    }
    expect(epochs[1]).toBe(epochs[0])
    expect(epochs[2]).not.toBe(epochs[1])
    expect(epochs[3]).toBe(epochs[2])
  })

  test('what is left of rooms that ended is deleted, a part at a time', async () => {
    const driver = new NodeSqliteDriver(file, 'normal')
    const log = newLog(driver)
    await log.create(A, 'hash')
    await Promise.all(Array.from({ length: 1200 }, (_, n) => log.append(A, plain(`${n}`))))
    await log.end(A, 1, 'room_closed')
    const left = () => Number(driver.all('SELECT count(*) AS count FROM entries')[0]!.count)
    const seen = new Set<number>()
    for (let count = left(); count > 0; count = left()) {
      seen.add(count)
      await new Promise(setImmediate)
    }
    expect([...seen]).toEqual([1200, 700, 200])
    while (driver.all('SELECT * FROM ended').length > 0) await new Promise(setImmediate)
    await log.close()
  })
})
