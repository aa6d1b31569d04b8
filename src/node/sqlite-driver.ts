import { statSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { SqlDriver, SqlRow, SqlValue } from '../logs/sql-driver.ts'

/**
 * What a commit waits for. `normal`: it survives the end of the process, however sudden; after a loss of power the last
 * ones may be gone. `full`: it survives that too, where the disk keeps its word. (SQLite, PRAGMA synchronous, in WAL mode.)
 */
export type Synchronous = 'normal' | 'full'

/**
 * Pages of 4 KiB in the write-ahead log before they go to the file, which waits for the disk: 10 ms for so many. With eight
 * times as many a commit costs a tenth less, and the longest one holds the process for 50 to 75 ms.
 */
const CHECKPOINT_PAGES = 1024

/** Free pages that are given back at a time: 2 ms. */
const TIDY_PAGES = 128

/** Pages that stay for what comes next: free ones, where they are more than half of the file, and those of the write-ahead log. */
const SPARE_PAGES = 256

/** Bytes of a file whose pages are put in order at the start, so that it can shrink: half a second. */
const REORDERED = 128 * 1024 * 1024

/** The SQLite that Node brings. The file is this process's alone for as long as it is open. */
export class NodeSqliteDriver implements SqlDriver {
  readonly #database: DatabaseSync
  readonly #walPath: string
  readonly #statements = new Map<string, StatementSync>()

  /** Throws as SQLite does: a file that is not a database, that is in use, that cannot be opened. */
  constructor(path: string, synchronous: Synchronous) {
    this.#walPath = `${path}-wal`
    this.#database = new DatabaseSync(path)
    try {
      // Of a new file it is the first thing to be said.
      this.#database.exec(`
        PRAGMA auto_vacuum = INCREMENTAL;
        PRAGMA locking_mode = EXCLUSIVE;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = ${synchronous};
        PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
        PRAGMA journal_size_limit = ${CHECKPOINT_PAGES * 4096};
      `)
      this.#makeShrinkable()
    } catch (error) {
      this.#database.close()
      throw error
    }
  }

  get used(): number {
    const pages = this.#pragma('page_count') - this.#pragma('freelist_count')
    return pages * this.#pragma('page_size') + this.#walSize
  }

  tidy(): boolean {
    const free = this.#pragma('freelist_count')
    const isWorthIt = free > SPARE_PAGES && free > this.#pragma('page_count') / 2
    if (isWorthIt) this.all(`PRAGMA incremental_vacuum(${TIDY_PAGES})`)
    else if (this.#walSize <= SPARE_PAGES * 4096) return false
    // Only in the file itself is it given back; each time, lest it be much at once.
    this.all(`PRAGMA wal_checkpoint(${isWorthIt ? 'PASSIVE' : 'TRUNCATE'})`)
    return isWorthIt
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

  get #walSize(): number {
    return statSync(this.#walPath, { throwIfNoEntry: false })?.size ?? 0
  }

  #pragma(name: string): number {
    return Number(this.all(`PRAGMA ${name}`)[0]?.[name])
  }

  /** A file that was made without it has to be written anew for it: a large one does as well without, but it never shrinks. */
  #makeShrinkable(): void {
    const isShrinkable = this.#pragma('auto_vacuum') === 2
    if (isShrinkable || this.used > REORDERED) return
    this.#database.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)')
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
