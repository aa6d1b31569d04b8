import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { migrate } from '../../../src/logs/schema.ts'
import { NodeSqliteDriver } from '../../../src/node/sqlite-driver.ts'
import { table } from '../table.ts'
import { startHouse } from './house.ts'
import { RawClient } from './raw-client.ts'

/** A start over a file with many rooms: they must not be read before they are asked for. */
export async function manyRooms(rooms: number, statesEach: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'roomcast-rooms-'))
  mkdirSync(folder, { recursive: true })
  const rows = []
  for (const count of [0, rooms]) {
    const file = join(folder, 'roomcast.sqlite')
    fill(file, count, statesEach)
    const from = performance.now()
    const house = await startHouse({ LOG: 'sqlite', DATA_DIR: folder })
    const started = performance.now() - from
    const memory = house.memory()
    const joinFrom = performance.now()
    if (count > 0) (await RawClient.join(house.url, uuidOf(count - 1))).end()
    const joined = count > 0 ? `${(performance.now() - joinFrom).toFixed(1)}` : ''
    rows.push([`${count} rooms of ${statesEach} state messages`, started.toFixed(0), memory.toFixed(0), joined])
    await house.end()
    rmSync(file, { force: true })
  }
  rmSync(folder, { recursive: true, force: true })
  return `## Start over a full database\n\n${table(['', 'up after, ms', 'MiB', 'first join, ms'], rows)}\n`
}

function uuidOf(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
}

function fill(file: string, rooms: number, statesEach: number): void {
  const driver = new NodeSqliteDriver(file, 'normal')
  migrate(driver)
  driver.close()
  const database = new DatabaseSync(file)
  const room = database.prepare(
    `INSERT INTO rooms (uuid, epoch, owner_hash, seq, state_entries, state_bytes) VALUES (?, 'e', 'hash', ?, ?, ?)`,
  )
  const entry = database.prepare(
    `INSERT INTO entries (room, seq, term, key, retain, body, bytes, is_state) VALUES (?, ?, 1, ?, 'latest', ?, ?, 1)`,
  )
  const body = `"uuid":"","status":{"value":3,"text":""},"funcKey":"k","funcParams":["${'x'.repeat(120)}"],"stateMessage":true}`
  database.exec('BEGIN')
  for (let n = 0; n < rooms; n++) {
    const { lastInsertRowid } = room.run(uuidOf(n), statesEach, statesEach, statesEach * body.length)
    for (let seq = 1; seq <= statesEach; seq++) entry.run(lastInsertRowid, seq, `k${seq}`, body, body.length)
  }
  database.exec('COMMIT')
  database.close()
}
