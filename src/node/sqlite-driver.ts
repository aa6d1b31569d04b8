import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { SqlDriver, SqlRow, SqlValue } from '../logs/sql-driver.ts'

/**
 * What a commit waits for. `normal`: it survives the end of the process, however sudden; after a loss of power the last
 * ones may be gone. `full`: it survives that too, where the disk keeps its word. (SQLite, PRAGMA synchronous, in WAL mode.)
 */
export type Synchronous = 'normal' | 'full'

/** Pages of 4 KiB in the write-ahead log before they go to the file, which waits for the disk: seldom, and then in order. */
const CHECKPOINT_PAGES = 8192

/** The SQLite that Node brings. The file is this process's alone for as long as it is open. */
export class NodeSqliteDriver implements SqlDriver {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  /** Throws as SQLite does: a file that is not a database, that is in use, that cannot be opened. */
  constructor(path: string, synchronous: Synchronous) {
    this.#database = new DatabaseSync(path)
    try {
      this.#database.exec(`
        PRAGMA locking_mode = EXCLUSIVE;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = ${synchronous};
        PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      `)
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  all(sql: string, ...values: SqlValue[]): SqlRow[] {
    return this.#prepare(sql).all(...values) as SqlRow[]
  }

  run(sql: string, ...values: SqlValue[]): void {
    this.#prepare(sql).run(...values)
  }

  transaction<T>(work: () => T): T {
    this.run('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.run('COMMIT')
      return result
    } catch (error) {
      // A full disk may have undone it already: then there is nothing to roll back.
      if (this.#database.isTransaction) this.run('ROLLBACK')
      throw error
    }
  }

  close(): void {
    this.#database.close()
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}
