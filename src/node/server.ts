import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { type ServerOptions, WebSocketServer } from 'ws'
import type { Admission, Refusal } from '../http/admission.ts'
import { createApp } from '../http/app.ts'
import { RefusalLog } from '../http/refusal-log.ts'
import { nodeName, webCryptoSecrets } from '../http/secrets.ts'
import type { Answer } from '../logs/redis/nodes.ts'
import { SDK_MODULE } from '../protocol/routes.ts'
import { Budget } from '../room/budget.ts'
import { RoomError } from '../room/errors.ts'
import type { RoomHouse } from '../room/house.ts'
import { Manager } from '../room/manager.ts'
import { Watch } from '../room/watch.ts'
import { Writer } from '../room/writer.ts'
import { systemClock } from './clock.ts'
import type { Config } from './config.ts'
import { Peers } from './peers.ts'
import { Turns } from './reading.ts'
import { Refusals } from './refusals.ts'
import { ConnectedSocket, endTimedOut, type SocketHouse } from './socket-connection.ts'
import { openStore } from './store.ts'
import { isUpgrade, type UpgradeHouse, upgradeListener } from './upgrade.ts'

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
  const budget = new Budget(config.memoryBytes)
  const store = await openStore(config, { limits, budget, secrets, clock, node, answer })
  const house: RoomHouse = { log: store.log, nodes: store.nodes, clock, writer, limits, budget, secrets }
  const manager: Manager = new Manager(house)
  const peers = new Peers(writer)
  const sockets: SocketHouse = { manager, house, peers, turns: new Turns(), writeDeadline: config.writeDeadline }
  const webSockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    // Up to the limit and somewhat over it the session answers, with its words; past this, `ws` ends the line.
    maxPayload: 2 * limits.messageBytes,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: 1024,
    closeTimeout: STOP_DEADLINE,
    // A ping costs its sender something, as does every message: the connection answers it in its turn.
    autoPong: false,
  } as ServerOptions)
  const refusalLog = new RefusalLog(clock, (line) => console.error(line))
  let isStopping = false
  let stopped: Promise<void> | undefined

  const admission: Admission = {
    origins: {
      allowed: config.allowedOrigins,
      own: config.publicUrls,
      hostFrom: 'client',
      allowNone: !config.requireOrigin,
    },
    ailment,
    refused: (refusal) => refusalLog.note(refusal),
  }
  const refusals = new Refusals(clock)
  const app = createApp({
    ...admission,
    open: () => manager.create(),
    logAilment: () => store.ailment?.(),
    figures: () => ({
      rooms: manager.size,
      idleRooms: manager.idle,
      connections: peers.size,
      memoryHeld: budget.held,
      uptime: Math.round(process.uptime()),
    }),
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

  const server = await listen()
  const pings = setInterval(() => peers.ping(), config.pingInterval)
  const minutes = setInterval(() => refusalLog.flush(), 60_000)
  const watch = new Watch(clock.now())
  let isExpiring = false
  const expiry = setInterval(expire, EXPIRY_INTERVAL)

  return { port: (server.address() as AddressInfo).port, stop }

  function ailment(): Refusal | undefined {
    if (isStopping) return { code: 'going_away', message: 'the server stops' }
    if (peers.size < config.maxConnections) return undefined
    const message = `the server is full: at most ${config.maxConnections} connections`
    return { code: 'server_full', message, limit: config.maxConnections }
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
            shouldUpgradeCallback: isUpgrade,
          },
        },
        () => {
          server.off('error', reject)
          resolve(server)
        },
      ) as Server
      server.once('error', reject)
      const connect = (...[ws, socket, uuid]: Parameters<UpgradeHouse['connect']>) =>
        void new ConnectedSocket(ws, socket, uuid, sockets)
      server.on('upgrade', upgradeListener({ admission, refusals, webSockets, connect }))
      server.on('timeout', endTimedOut)
    })
  }

  async function expire(): Promise<void> {
    const watchedSince = watch.look(clock.now())
    if (isExpiring) return
    isExpiring = true
    await manager.expire(watchedSince).catch((error) => {
      // Of a log that is out of reach, whoever looks after it has been told.
      if (!(error instanceof RoomError)) console.error(error)
    })
    isExpiring = false
  }

  function retryWindow(): number {
    return Math.max(1000, peers.size)
  }

  /** However often it is asked to, it stops once. */
  function stop(): Promise<void> {
    stopped ??= stopInOrder()
    return stopped
  }

  async function stopInOrder(): Promise<void> {
    isStopping = true
    clearInterval(pings)
    clearInterval(minutes)
    refusalLog.flush()
    clearInterval(expiry)
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeIdleConnections()
    peers.goAway(retryWindow())
    const patience = setTimeout(() => {
      peers.terminate()
      server.closeAllConnections()
    }, STOP_DEADLINE)
    await closed
    clearTimeout(patience)
    manager.close()
    await store.close()
  }
}
