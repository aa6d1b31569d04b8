import type { Code, Problem } from '../protocol/codes.ts'

/** A request that the room refuses. `code` is a row of the one table in `protocol/codes.ts`. */
export class RoomError extends Error {
  override readonly name = 'RoomError'
  readonly problem: Problem

  constructor(code: Code, message: string, details: Omit<Problem, 'code' | 'message'> = {}) {
    super(message)
    this.problem = { code, message, ...details }
  }
}

/** The error that a problem of another node stands for here. */
export function errorOf({ code, message, ...details }: Problem): RoomError {
  return new RoomError(code, message, details)
}

/** What the client is told of `error`. One that nobody foresaw is told without its words: they may hold what is not for clients. */
export function problemOf(error: unknown): Problem {
  return error instanceof RoomError ? error.problem : { code: 'server_error', message: 'something went wrong here' }
}
