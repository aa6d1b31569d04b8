export type SqlValue = string | number | null
export type SqlRow = Record<string, SqlValue>

/** An embedded SQLite, as every runtime has one. All of it is synchronous; errors are thrown as the runtime makes them. */
export interface SqlDriver {
  /** The rows that a statement returns; it is prepared once for its text. */
  all(sql: string, ...values: SqlValue[]): SqlRow[]
  /** A statement that returns nothing of use. */
  run(sql: string, ...values: SqlValue[]): void
  /** Runs `work` as one transaction: committed when this returns, undone when it throws. Not nested. */
  transaction<T>(work: () => T): T
  /** Bytes on disk that are in use. Absent where the platform bounds them itself. */
  readonly used?: number
  /**
   * Gives a little of what is free back to the file system, a few milliseconds at most. False: there is no more to give.
   * Absent where the platform does so itself.
   */
  tidy?(): boolean
  close(): void
}
