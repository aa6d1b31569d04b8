import type { SqlDriver, SqlRow, SqlValue } from '../logs/sql-driver.ts'

/** The SQLite of a Durable Object, which keeps prepared statements by their text itself. */
export class ObjectSqliteDriver implements SqlDriver {
  readonly #storage: DurableObjectStorage

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage
  }

  all(sql: string, ...values: SqlValue[]): SqlRow[] {
    return this.#storage.sql.exec(sql, ...values).toArray() as SqlRow[]
  }

  run(sql: string, ...values: SqlValue[]): void {
    this.#storage.sql.exec(sql, ...values)
  }

  /** `BEGIN` is refused here; no message leaves the object before what this wrote is on disk (the output gate). */
  transaction<T>(work: () => T): T {
    return this.#storage.transactionSync(work)
  }

  /** The storage is the object's, open for as long as that is. */
  close(): void {}
}
