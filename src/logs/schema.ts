import type { SqlDriver } from './sql-driver.ts'

/** One step from each version to the next; what is released is never changed, only added to. */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    `CREATE TABLE rooms (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      uuid TEXT NOT NULL UNIQUE,
      epoch TEXT NOT NULL,
      seq INTEGER NOT NULL DEFAULT 0,
      term INTEGER NOT NULL DEFAULT 1,
      owner_hash TEXT NOT NULL,
      handover_hash TEXT,
      owner_left_at INTEGER,
      state_entries INTEGER NOT NULL DEFAULT 0,
      state_bytes INTEGER NOT NULL DEFAULT 0,
      tail_first INTEGER NOT NULL DEFAULT 1,
      tail_bytes INTEGER NOT NULL DEFAULT 0
    ) STRICT`,
    `CREATE INDEX rooms_left ON rooms (owner_left_at) WHERE owner_left_at IS NOT NULL`,
    // A broadcast stands here once, for as long as the state (is_state) or the tail (seq >= tail_first) has it.
    `CREATE TABLE entries (
      room INTEGER NOT NULL,
      seq INTEGER NOT NULL,
      term INTEGER NOT NULL,
      id TEXT,
      key TEXT,
      retain TEXT,
      echo INTEGER,
      body TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      is_state INTEGER NOT NULL,
      PRIMARY KEY (room, seq)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX entries_id ON entries (room, id) WHERE id IS NOT NULL`,
    `CREATE INDEX entries_state ON entries (room, key) WHERE is_state = 1`,
    // Rooms that ended, whose entries are still to be deleted.
    `CREATE TABLE ended (room INTEGER PRIMARY KEY) STRICT`,
    // What the rooms' epochs are completed with: changes when what was written last may have been lost.
    `CREATE TABLE lives (life INTEGER NOT NULL, boot TEXT NOT NULL) STRICT`,
    `INSERT INTO lives VALUES (1, '')`,
  ],
  [`ALTER TABLE rooms ADD COLUMN used_hash TEXT`],
]

/** Brings the database to this version of the schema. Throws an `Error` that says so when it is of a newer one. */
export function migrate(driver: SqlDriver): void {
  driver.transaction(() => {
    driver.run('CREATE TABLE IF NOT EXISTS schema (version INTEGER NOT NULL) STRICT')
    const version = Number(driver.all('SELECT version FROM schema')[0]?.version ?? 0)
    if (version > MIGRATIONS.length) {
      throw new Error(
        `it was made by a newer roomcast: its schema is ${version}, and this one knows ${MIGRATIONS.length}`,
      )
    }
    if (version === MIGRATIONS.length) return
    for (const step of MIGRATIONS.slice(version)) for (const statement of step) driver.run(statement)
    driver.run('DELETE FROM schema')
    driver.run('INSERT INTO schema VALUES (?)', MIGRATIONS.length)
  })
}
