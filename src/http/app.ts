import { type Context, Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import { CODES, type Problem } from '../protocol/codes.ts'
import { BROADCASTING, HEALTH, ROOM_SOCKET, ROOMS } from '../protocol/routes.ts'
import { problemOf, RoomError } from '../room/errors.ts'
import { type Admission, type Refusal, refusalOf } from './admission.ts'
import type { Asking } from './origin.ts'

/** What a runtime gives the app. */
export interface Edge extends Admission {
  /**
   * Makes the request a WebSocket in a session; `uuid` where the address names the room. Absent where upgrades do not come
   * as requests.
   */
  upgrade?(c: Context, uuid?: string): Response | Promise<Response>
  /** Makes a WebSocket of an upgrade that is refused, over which the client is told why (J5). */
  tell?(refusal: Refusal): Response
  /** Why rooms can be neither written nor read, though who is in a room stays; undefined: they can. */
  logAilment?(): Problem | undefined
  /** For `POST /rooms`. Rejects with a `RoomError`. */
  open(c: Context): Promise<{ readonly uuid: string; readonly ownerKey: string }>
  /** For `GET /health`. */
  figures(): Record<string, number>
}

/** The HTTP side, the same on every runtime: addresses, who may come in, headers. */
export function createApp(edge: Edge): Hono {
  const app = new Hono()
  // Before the headers that are for documents: an upgrade has no use for them, and pays for each.
  app.get(BROADCASTING, (c) => socket(c))
  app.get(ROOM_SOCKET, (c) => socket(c, c.req.param('uuid')))

  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
      crossOriginResourcePolicy: false,
      // Over plain HTTP, as in a lecture hall's network, browsers ignore these and complain.
      crossOriginOpenerPolicy: false,
      originAgentCluster: false,
      strictTransportSecurity: false,
    }),
  )

  app.get(HEALTH, (c) => {
    const problem = edge.ailment() ?? edge.logAilment?.()
    c.header('Cache-Control', 'no-store')
    if (problem !== undefined) return c.json({ status: 'unavailable', ...problem }, CODES[problem.code].http as 503)
    return c.json({ status: 'ok', ...edge.figures() })
  })

  app.post(ROOMS, async (c) => {
    c.header('Cache-Control', 'no-store')
    const problem = refusalOf(edge, asking(c))
    if (problem !== undefined) return refuse(c, problem)
    return c.json(await edge.open(c), 201)
  })

  function socket(c: Context, uuid?: string): Response | Promise<Response> {
    if (edge.upgrade === undefined || c.req.header('upgrade')?.toLowerCase() !== 'websocket') {
      c.header('Upgrade', 'websocket')
      return c.json({ code: 'upgrade_required', message: 'this address speaks WebSocket' }, 426)
    }
    const refusal = refusalOf(edge, asking(c))
    return refusal === undefined ? edge.upgrade(c, uuid) : (edge.tell?.(refusal) ?? refuse(c, refusal))
  }

  app.onError((error, c) => {
    if (!(error instanceof RoomError)) console.error(error)
    return refuse(c, problemOf(error))
  })

  return app
}

function asking({ req }: Context): Asking {
  return { origin: req.header('origin'), host: req.header('host'), scheme: new URL(req.url).protocol }
}

function refuse(c: Context, problem: Problem): Response {
  return c.json(problem, CODES[problem.code].http as 400)
}
