import type { Code, Problem } from '../protocol/codes.ts'

/** What can go wrong on this side of the line. */
export type LocalCode = 'unreachable' | 'queue_full' | 'not_delivered' | 'handler_failed'

/**
 * A request that failed: `code` is of the protocol's table, or one of this side's own. `field` is to blame, where one is;
 * `limit` is what it may be at most: bytes, characters or items, as `message` says.
 */
export class RoomcastError extends Error {
  override readonly name = 'RoomcastError'
  readonly code: Code | LocalCode
  readonly field: string | undefined
  readonly limit: number | undefined
  /** Milliseconds after which another try is of use. */
  readonly retryAfter: number | undefined

  constructor(problem: Omit<Problem, 'code'> & { readonly code: Code | LocalCode }, cause?: unknown) {
    super(problem.message, { cause })
    this.code = problem.code
    this.field = problem.field
    this.limit = problem.limit
    this.retryAfter = problem.retryAfter
  }
}
