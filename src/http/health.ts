import type { Context, Hono } from 'hono'
import { CODES, type Problem } from '../protocol/codes.ts'
import { HEALTH, LIVE, READY } from '../protocol/routes.ts'
import { VERSION } from './version.ts'

export interface Health {
  /** Why nobody can come in; undefined: they can. */
  ailment(): Problem | undefined
  /** Why rooms can be neither written nor read, though who is in a room stays; undefined: they can. */
  logAilment?(): Problem | undefined
  /** For `GET /health`. */
  figures(): Record<string, number>
}

/**
 * Whether the process works, which asks for a restart where it does not; and whether clients are to be sent here, for a
 * balancer. A server that is full, stops or cannot reach its store works all the same.
 */
export function addHealth(app: Hono, health: Health): void {
  app.get(LIVE, (c) => tell(c, undefined, {}))
  app.get(READY, (c) => tell(c, problem(), {}))
  app.get(HEALTH, (c) => tell(c, problem(), health.figures()))

  function problem(): Problem | undefined {
    return health.ailment() ?? health.logAilment?.()
  }
}

function tell(c: Context, problem: Problem | undefined, figures: Record<string, number>): Response {
  c.header('Cache-Control', 'no-store')
  if (problem === undefined) return c.json({ status: 'ok', version: VERSION, ...figures })
  return c.json({ status: 'unavailable', version: VERSION, ...problem }, CODES[problem.code].http as 503)
}
