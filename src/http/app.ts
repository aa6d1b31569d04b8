import { type Context, Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import { CODES, type Problem } from '../protocol/codes.ts'
import { BROADCASTING, HEALTH, LIVE, READY, ROOM_SOCKET, ROOMS, SDK_MODULE } from '../protocol/routes.ts'
import { problemOf, RoomError } from '../room/errors.ts'
import { type Admission, ailmentOf, originRefusalOf, type Refusal, refusalOf } from './admission.ts'
import { addHealth, type Health } from './health.ts'
import { allowOnly } from './methods.ts'
import type { Asking } from './origin.ts'

/** What a runtime gives the app. */
export interface Edge extends Admission, Health {
  ailment(): Refusal | undefined
  /**
   * Makes the request a WebSocket in a session; `uuid` where the address names the room. Absent where upgrades do not come
   * as requests.
   */
  upgrade?(c: Context, uuid?: string): Response | Promise<Response>
  /** Makes a WebSocket of an upgrade that is refused, over which the client is told why (J5). */
  tell?(refusal: Refusal): Response
  /** For `POST /rooms`. Rejects with a `RoomError`. */
  open(c: Context): Promise<{ readonly uuid: string; readonly ownerKey: string }>
}

/** For how long a browser need not ask again; none keeps an answer for longer than that. */
const PREFLIGHT_SECONDS = '7200'

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

  addHealth(app, edge)
  allowOnly(app, [HEALTH, LIVE, READY, BROADCASTING, ROOM_SOCKET, '/', SDK_MODULE], ['GET'])

  // Pages of an allowed origin may read the answer (Fetch, 3.3); for others no room is made.
  app.use(ROOMS, async (c, next) => {
    const origin = c.req.header('origin')
    c.header('Cache-Control', 'no-store')
    c.header('Vary', 'Origin')
    const refusal = originRefusalOf(edge, asking(c))
    if (refusal !== undefined) return refuse(c, refusal)
    if (origin !== undefined) c.header('Access-Control-Allow-Origin', origin)
    return next()
  })
  app.post(ROOMS, async (c) => {
    const refusal = ailmentOf(edge)
    return refusal === undefined ? c.json(await edge.open(c), 201) : refuse(c, refusal)
  })
  app.options(ROOMS, (c) => {
    c.header('Allow', 'OPTIONS, POST')
    c.header('Access-Control-Allow-Methods', 'POST')
    c.header('Access-Control-Allow-Headers', 'Authorization, Content-Type')
    c.header('Access-Control-Max-Age', PREFLIGHT_SECONDS)
    return c.body(null, 204)
  })
  allowOnly(app, [ROOMS], ['POST', 'OPTIONS'])

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
