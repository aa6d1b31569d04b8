// Hono and its Node adapter with nothing behind them: what an upgrade by that way costs before any room has to do with it.
import { serve, upgradeWebSocket, type WebSocketServerLike } from '@hono/node-server'
import { Hono } from 'hono'
import { type WebSocket, WebSocketServer } from 'ws'
import { host, port } from './address.ts'
import { welcome } from './welcome.ts'

const uuid = crypto.randomUUID()
const app = new Hono()

app.get('/broadcasting', (c) =>
  upgradeWebSocket(c, {
    // As roomcast does it: the adapter's own listeners would cost more still.
    onOpen: (_, { raw }) => queueMicrotask(() => serveSocket(raw as WebSocket)),
  }),
)

function serveSocket(socket: WebSocket): void {
  for (const event of ['message', 'close', 'error']) socket.removeAllListeners(event)
  socket.on('error', () => socket.terminate())
  socket.on('message', () => socket.send(welcome(uuid)))
}

serve({
  fetch: app.fetch,
  port,
  hostname: host,
  overrideGlobalObjects: false,
  websocket: {
    server: new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
    }) as WebSocketServerLike,
  },
})
