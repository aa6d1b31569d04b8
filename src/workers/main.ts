import { createApp } from '../http/app.ts'
import { RefusalLog } from '../http/refusal-log.ts'
import { webCryptoSecrets } from '../http/secrets.ts'
import { isUuid } from '../protocol/messages.ts'
import { SDK_MODULE } from '../protocol/routes.ts'
import { objectUrl } from './addresses.ts'
import { readConfig } from './config.ts'
import './env.ts'
import { Pipe } from './pipe.ts'
import { refuseSocket } from './refusing.ts'

export { RoomObject } from './room-object.ts'

/** Made at the first request: the environment is the same for all that this isolate will see. */
let app: ReturnType<typeof makeApp> | undefined

export default {
  fetch(request, env, context) {
    app ??= makeApp(env)
    return app.fetch(request, env, context)
  },
} satisfies ExportedHandler<Cloudflare.Env>

function makeApp(env: Cloudflare.Env) {
  const { limits, origins } = readConfig(env)
  const mint = webCryptoSecrets.uuid
  const object = (uuid: string) => env.ROOMS.get(env.ROOMS.idFromName(uuid.toLowerCase()))
  const connect = (uuid: string) => object(uuid).fetch(objectUrl(uuid), { headers: { Upgrade: 'websocket' } })

  const refusalLog = new RefusalLog({ now: Date.now }, (line) => console.warn(line))

  const app = createApp({
    origins,
    upgrade(c, uuid) {
      if (uuid !== undefined && isUuid(uuid)) return object(uuid).fetch(c.req.raw)
      const { 0: client, 1: server } = new WebSocketPair()
      server.accept()
      new Pipe(server, { limits, mint, connect }, uuid)
      return new Response(null, { status: 101, webSocket: client })
    },
    open() {
      const uuid = mint()
      return object(uuid).create(uuid)
    },
    tell: refuseSocket,
    refused: (refusal) => refusalLog.note(refusal),
    // There is no telling from here: each room has a machine of its own, and says by itself when it is full.
    ailment: () => undefined,
    figures: () => ({}),
  })
  app.get(SDK_MODULE, async (c, next) => {
    await next()
    c.header('Access-Control-Allow-Origin', '*')
  })
  app.get('*', async (c) => {
    const asset = await env.ASSETS.fetch(c.req.raw)
    return new Response(asset.body, asset)
  })
  return app
}
