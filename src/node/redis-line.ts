import { createClient, createCluster } from '@redis/client'
import type { Hear } from '../logs/redis/driver.ts'

/** A connected client of Redis, which connects again by itself: to one server, or to a cluster. */
export interface RedisLine {
  /** All servers it has to do with can be reached, as far as is known. */
  readonly isUp: boolean
  /** Sends a command to the server that has `key`. */
  command(key: string, words: string[]): Promise<unknown>
  /** Sends a command to each server that has keys. */
  commandAll(words: string[]): Promise<unknown[]>
  hear(channel: string, hear: Hear): Promise<void>
  stopHearing(channel: string, hear: Hear): Promise<void>
  hearPattern(pattern: string, hear: Hear): Promise<void>
  stopHearingPattern(pattern: string, hear: Hear): Promise<void>
  /** Connects anew. */
  restart(): void
  destroy(): void
}

/** Told whenever a connection was made, or lost by `error`. */
export type Disturbed = (error?: Error) => void

/** Milliseconds between two pings, and without any answer until a connection is given up: a server that hangs is found out. */
const PING_INTERVAL = 1000
const SOCKET_TIMEOUT = 4000

/** Milliseconds between two tries to connect: at first, and at most. */
const RETRY = { first: 50, most: 1000 }

/** Milliseconds to wait after so many tries that failed, some more and some less, so that not all nodes come at once. */
export function backoff(tries: number): number {
  return Math.min(RETRY.first * 2 ** tries, RETRY.most) * (0.5 + Math.random() / 2)
}

/** `first` says whether the connection has been there before: until then a failure is final, and whoever connects tries again. */
function optionsOf(first: { isOver: boolean }) {
  return {
    disableOfflineQueue: true,
    pingInterval: PING_INTERVAL,
    disableClientInfo: true,
    socket: {
      connectTimeout: SOCKET_TIMEOUT,
      socketTimeout: SOCKET_TIMEOUT,
      reconnectStrategy: (tries: number, cause: Error) => (first.isOver ? backoff(tries) : cause),
    },
  } as const
}

/** Rejects where the server cannot be reached now. */
export async function connectServer(url: string, disturbed: Disturbed): Promise<RedisLine> {
  const first = { isOver: false }
  const { socket, ...options } = optionsOf(first)
  const commands = createClient({ ...options, url, socket })
  const ear = commands.duplicate()
  for (const client of [commands, ear]) {
    client.on('error', (error: Error) => first.isOver && disturbed(error))
    client.on('ready', () => first.isOver && disturbed())
  }
  const destroy = () => {
    commands.destroy()
    ear.destroy()
  }
  try {
    await Promise.all([commands.connect(), ear.connect()])
    first.isOver = true
  } catch (error) {
    destroy()
    throw error
  }
  const whenUp = (ask: () => Promise<void>) => (ear.isReady ? ask() : Promise.reject(new Error('no connection')))
  return {
    get isUp() {
      return commands.isReady && ear.isReady
    },
    command: (_, words) => commands.sendCommand(words),
    commandAll: async (words) => [await commands.sendCommand(words)],
    hear: (channel, hear) => whenUp(() => ear.sSubscribe(channel, hear)),
    stopHearing: (channel, hear) => ear.sUnsubscribe(channel, hear),
    hearPattern: (pattern, hear) => whenUp(() => ear.pSubscribe(pattern, hear)),
    stopHearingPattern: (pattern, hear) => ear.pUnsubscribe(pattern, hear),
    restart() {
      for (const client of [commands, ear]) client.sendCommand(['QUIT']).catch(() => {})
    },
    destroy,
  }
}

/**
 * Rejects where the cluster cannot be reached now. `urls` are where to look for it; what the first says of user, password and
 * TLS is true of all its nodes.
 */
export async function connectCluster(urls: readonly [string, ...string[]], disturbed: Disturbed): Promise<RedisLine> {
  const { username, password, protocol } = new URL(urls[0])
  const first = { isOver: false }
  const { socket, ...options } = optionsOf(first)
  const credentials = {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  }
  const cluster = createCluster({
    rootNodes: urls.map((url) => ({ url })),
    defaults: {
      ...options,
      ...credentials,
      socket: { ...socket, ...(protocol === 'rediss:' && { tls: true as const }) },
    },
    topologyRefreshOnReconnectionAttemptStrategy: RETRY.most,
  })
  const ailing = new Set<string>()
  const nameOf = ({ host, port }: { host: string; port: number }) => `${host}:${port}`
  cluster.on('error', (error: Error) => first.isOver && disturbed(error))
  cluster.on('node-error', (error: Error, node) => {
    ailing.add(nameOf(node))
    if (first.isOver) disturbed(error)
  })
  cluster.on('node-ready', (node) => {
    ailing.delete(nameOf(node))
    if (first.isOver) disturbed()
  })
  cluster.on('node-disconnect', (node) => ailing.delete(nameOf(node)))
  cluster.on('sharded-channel-moved-error', (error: Error) => disturbed(error))
  try {
    await cluster.connect()
    first.isOver = true
  } catch (error) {
    cluster.destroy()
    throw error
  }
  return {
    get isUp() {
      return ailing.size === 0
    },
    command: (key, words) => cluster.sendCommand(key, false, words),
    commandAll: (words) =>
      Promise.all(cluster.masters.map(async (master) => (await cluster.nodeClient(master)).sendCommand(words))),
    hear: (channel, hear) => within(SOCKET_TIMEOUT, cluster.sSubscribe(channel, hear)),
    stopHearing: (channel, hear) => cluster.sUnsubscribe(channel, hear),
    hearPattern: (pattern, hear) => within(SOCKET_TIMEOUT, cluster.pSubscribe(pattern, hear)),
    stopHearingPattern: (pattern, hear) => cluster.pUnsubscribe(pattern, hear),
    // Where a node has become a replica, the cluster itself says who is the master now.
    restart() {},
    destroy: () => cluster.destroy(),
  }
}

/** What asks for a subscription on a node that is gone waits for it to come back. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const { promise: deadline, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('no answer in time')), ms)
  try {
    return await Promise.race([promise, deadline])
  } finally {
    clearTimeout(timer)
  }
}
