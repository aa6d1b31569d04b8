import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { type HttpBindings, serve, upgradeWebSocket, type WebSocketServerLike } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import type { Context } from 'hono'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import { createApp } from '../http/app.ts'
import { nodeName, webCryptoSecrets } from '../http/secrets.ts'
import type { Answer } from '../logs/redis/nodes.ts'
import type { Problem } from '../protocol/codes.ts'
import { SDK_MODULE } from '../protocol/routes.ts'
import { RoomError } from '../room/errors.ts'
import type { RoomHouse } from '../room/house.ts'
import { PATIENCE } from '../room/limits.ts'
import { Manager } from '../room/manager.ts'
import { Session } from '../room/session.ts'
import { Writer } from '../room/writer.ts'
import { WebSocketConnection } from '../transports/websocket.ts'
import { systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { type Peer, Peers } from './peers.ts'
import { openStore } from './store.ts'

const PUBLIC = join(import.meta.dirname, '../../public')

/** Milliseconds between two looks for rooms whose grace time is over. */
const EXPIRY_INTERVAL = 1000

/** Milliseconds for the clients to take their leave when the server stops. */
const STOP_DEADLINE = 5000

/** A WebSocket message of so many frames is an attack: browsers send one, and proxies a few. */
const MAX_FRAGMENTS = 128

export interface RunningServer {
  readonly port: number
  /** Ends it in order: no new clients, a word to those who are here, the log closed. Resolves when all is done. */
  stop(): Promise<void>
}

/** Starts the server; resolves when it listens. Rejects when the address is taken, or the log cannot be opened. */
export async function startServer(config: Config): Promise<RunningServer> {
  const { limits } = config
  const node = nodeName()
  // Who has to find a client among several servers finds it by this.
  const clientId = () => `${node}.${webCryptoSecrets.clientId()}`
  const secrets = config.redis === undefined ? webCryptoSecrets : { ...webCryptoSecrets, clientId }
  const clock = systemClock
  const writer = new Writer(clock)
  const answer: Answer = (...asked) => manager.answer(...asked)
  const store = await openStore(config, { limits, secrets, clock, node, answer })
  const house: RoomHouse = { log: store.log, nodes: store.nodes, clock, writer, limits, secrets }
  const manager: Manager = new Manager(house)
  const peers = new Peers(writer)
  let isStopping = false

  const app = createApp({
    origins: { allowed: config.allowedOrigins, allowNone: !config.requireOrigin },
    upgrade: (c, uuid) => upgrade(c, uuid),
    open: () => manager.create(),
    ailment: () => ailment(),
    logAilment: () => store.ailment?.(),
    figures: () => ({ rooms: manager.size, connections: peers.size, uptime: Math.round(process.uptime()) }),
  })
  app.get(SDK_MODULE, async (c, next) => {
    await next()
    c.header('Access-Control-Allow-Origin', '*')
  })
  app.use('*', async (c, next) => {
    await next()
    c.header('Cache-Control', 'no-cache')
  })
  app.get('*', serveStatic({ root: PUBLIC }))

  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // Up to the limit and somewhat over it the session answers, with its words; past this, `ws` ends the line.
    maxPayload: 2 * limits.messageBytes,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: 1024,
    closeTimeout: STOP_DEADLINE,
  } as ServerOptions)
  const server = await listen()
  const pings = setInterval(() => peers.ping(), config.pingInterval)
  let expiry = setTimeout(expire, EXPIRY_INTERVAL)

  return { port: (server.address() as AddressInfo).port, stop }

  function ailment(): Problem | undefined {
    if (isStopping) return { code: 'going_away', message: 'the server stops' }
    if (peers.size < config.maxConnections) return undefined
    const message = `the server is full: at most ${config.maxConnections} connections`
    return { code: 'server_full', message, limit: config.maxConnections }
  }

  function upgrade(c: Context, uuid: string | undefined): Promise<Response> {
    const { socket } = (c.env as HttpBindings).incoming
    return upgradeWebSocket(c, {
      // When this returns, the adapter puts up its listeners, and after them come ours.
      onOpen: (_, { raw }) => queueMicrotask(() => connect(raw as WebSocket, socket, uuid)),
    })
  }

  function connect(ws: WebSocket, socket: Socket, uuid: string | undefined): void {
    // The adapter's hold the whole upgrade request for as long as the socket lives, and make an Event of each message.
    for (const event of ['message', 'close', 'error']) ws.removeAllListeners(event)
    const session: Session = new Session(
      manager,
      house,
      new WebSocketConnection(ws, socket, () => watchDrain(ws, socket, session)),
      uuid,
    )
    const peer: Peer = {
      session,
      isAlive: true,
      get hasBacklog() {
        return socket.writableLength > 0
      },
      ping: () => ws.ping(),
      terminate: () => ws.terminate(),
    }
    peers.add(peer)
    ws.on('message', (data, isBinary) => {
      peer.isAlive = true
      if (isBinary) session.receiveBinary()
      else session.receive(String(data))
    })
    ws.on('pong', () => {
      peer.isAlive = true
    })
    ws.on('error', ignore)
    ws.on('close', () => {
      peers.delete(peer)
      session.gone()
    })
    if (isStopping) session.goAway(retryWindow())
  }

  /**
   * Tells the session when the socket, which is full, has drained, or has taken nothing at all for the write deadline. Until
   * then nothing is read from it: who does not take answers is not to ask for more.
   */
  function watchDrain(ws: WebSocket, socket: Socket, session: Session): void {
    if (ws.isPaused) return
    ws.pause()
    // The HTTP server's own listener would destroy the socket.
    socket.removeAllListeners('timeout')
    socket.setTimeout(config.writeDeadline, () => session.stalled())
    // What still comes in starts that anew each time: a client that speaks and never reads is closed all the same.
    const patience = setTimeout(() => session.stalled(), PATIENCE * config.writeDeadline)
    const stop = () => clearTimeout(patience)
    ws.once('close', stop)
    socket.once('drain', () => {
      stop()
      ws.off('close', stop)
      socket.setTimeout(0)
      socket.removeAllListeners('timeout')
      ws.resume()
      session.drained()
    })
  }

  function listen(): Promise<Server> {
    return new Promise((resolve, reject) => {
      const server = serve(
        {
          fetch: app.fetch,
          port: config.port,
          hostname: config.host,
          overrideGlobalObjects: false,
          serverOptions: {
            headersTimeout: 10_000,
            requestTimeout: 30_000,
            connectionsCheckingInterval: 5000,
            // To anything but a WebSocket an upgrade is an ordinary request: else the adapter neither answers nor closes it, and a
            // reset of such a socket ends the process (@hono/node-server 2.1.8).
            shouldUpgradeCallback: (request: IncomingMessage) => request.headers.upgrade?.toLowerCase() === 'websocket',
          },
          websocket: { server: webSockets as WebSocketServerLike },
        },
        () => {
          server.off('error', reject)
          resolve(server)
        },
      ) as Server
      server.once('error', reject)
      // A socket without such a listener, as between two owners during an upgrade, ends the process when it is reset.
      server.on('connection', (socket) => socket.on('error', ignore))
    })
  }

  async function expire(): Promise<void> {
    await manager.expire().catch((error) => {
      // Of a log that is out of reach, whoever looks after it has been told.
      if (!(error instanceof RoomError)) console.error(error)
    })
    if (!isStopping) expiry = setTimeout(expire, EXPIRY_INTERVAL)
  }

  function retryWindow(): number {
    return Math.max(1000, peers.size)
  }

  async function stop(): Promise<void> {
    if (isStopping) return
    isStopping = true
    clearInterval(pings)
    clearTimeout(expiry)
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeIdleConnections()
    peers.goAway(retryWindow())
    const patience = setTimeout(() => {
      peers.terminate()
      server.closeAllConnections()
    }, STOP_DEADLINE)
    await closed
    clearTimeout(patience)
    await store.close()
  }
}

/** What has to be said of it, the close that follows says. */
function ignore(): void {}
