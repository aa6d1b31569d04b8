import { createClient, createCluster } from '@redis/client'
import type { Hear } from '../logs/redis/driver.ts'

/** A connected client of Redis, which connects again by itself: to one server, or to a cluster. */
export interface RedisLine {
  /** All servers it has to do with can be reached, as far as is known. */
  readonly isUp: boolean
  /** Sends a command to the server that has `key`. */
  command(key: string, words: string[]): Promise<unknown>
  /** The same, of what may have a long answer. */
  read(key: string, words: string[]): Promise<unknown>
  /** Sends a command to each server that has keys. */
  commandAll(words: string[]): Promise<unknown[]>
  hear(channel: string, hear: Hear): Promise<void>
  stopHearing(channel: string, hear: Hear): Promise<void>
  hearPattern(pattern: string, hear: Hear): Promise<void>
  stopHearingPattern(pattern: string, hear: Hear): Promise<void>
  /** Connects anew, to where the address leads by now. Absent in a cluster, which says itself who is a master. */
  restart?(): void
  destroy(): void
}

/** Told whenever a connection was made, or lost by `error`. */
export type Disturbed = (error?: Error) => void

/** Milliseconds between two pings, and without anything read or written until a connection is given up. */
const PING_INTERVAL = 1000
const SOCKET_TIMEOUT = 2000

/** Milliseconds in which a server has to answer a command: a machine that hangs keeps its connections. */
const ANSWER = 3000

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
  // Of one's own broadcasts the channel tells as well: with the answer, on one connection, that costs next to nothing.
  const client = createClient({ ...options, url, socket })
  // On a connection that hears a channel, though, a server ends what is longer than 32 MB (client-output-buffer-limit).
  const reader = client.duplicate()
  for (const one of [client, reader]) {
    one.on('error', (error: Error) => first.isOver && disturbed(error))
    one.on('ready', () => first.isOver && disturbed())
  }
  const destroy = () => {
    client.destroy()
    reader.destroy()
  }
  try {
    await Promise.all([client.connect(), reader.connect()])
    first.isOver = true
  } catch (error) {
    destroy()
    throw error
  }
  const patience = new Patience(disturbed)
  const ask = <T>(question: () => Promise<T>, one = client) =>
    one.isReady ? patience.with(one, question) : Promise.reject(new Error('no connection'))
  return {
    get isUp() {
      return client.isReady && reader.isReady
    },
    command: (_, words) => ask(() => client.sendCommand(words)),
    read: (_, words) => ask(() => reader.sendCommand(words), reader),
    commandAll: async (words) => [await ask(() => client.sendCommand(words))],
    hear: (channel, hear) => ask(() => client.sSubscribe(channel, hear)),
    stopHearing: (channel, hear) => ask(() => client.sUnsubscribe(channel, hear)),
    hearPattern: (pattern, hear) => ask(() => client.pSubscribe(pattern, hear)),
    stopHearingPattern: (pattern, hear) => ask(() => client.pUnsubscribe(pattern, hear)),
    restart() {
      for (const one of [client, reader]) one.sendCommand(['QUIT']).catch(() => {})
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
  const patience = new Patience(disturbed)
  // The client has connections of their own for channels, and so any answer may be long.
  const command = async (key: string, words: string[]) => {
    const client = await within(ANSWER, cluster.getNodeClientForKey(key))
    return patience.with(client, () => cluster.sendCommand(key, false, words))
  }
  return {
    get isUp() {
      return ailing.size === 0
    },
    command,
    read: command,
    commandAll: (words) =>
      Promise.all(
        cluster.masters.map(async (master) => {
          const client = await within(ANSWER, cluster.nodeClient(master))
          return patience.with(client, () => client.sendCommand(words))
        }),
      ),
    hear: (channel, hear) => within(ANSWER, cluster.sSubscribe(channel, hear)),
    stopHearing: (channel, hear) => within(ANSWER, cluster.sUnsubscribe(channel, hear)),
    hearPattern: (pattern, hear) => within(ANSWER, cluster.pSubscribe(pattern, hear)),
    stopHearingPattern: (pattern, hear) => within(ANSWER, cluster.pUnsubscribe(pattern, hear)),
    destroy: () => cluster.destroy(),
  }
}

/**
 * Gives up on a server that does not answer, and sends it nothing more until the answer comes or the connection is lost:
 * whatever is written to a connection would keep its own time-out from ever coming.
 */
class Patience {
  readonly #disturbed: Disturbed
  readonly #hanging = new WeakSet<object>()

  constructor(disturbed: Disturbed) {
    this.#disturbed = disturbed
  }

  async with<T>(client: object, send: () => Promise<T>): Promise<T> {
    if (this.#hanging.has(client)) throw new Error('the server does not answer')
    const answer = send()
    return within(ANSWER, answer, (error) => {
      if (this.#hanging.has(client)) return
      this.#hanging.add(client)
      // A server that was only slow answers on the same connection: of that, nobody else would say that it is back.
      const isOver = () => {
        this.#hanging.delete(client)
        this.#disturbed()
      }
      answer.then(isOver, isOver)
      this.#disturbed(error)
    })
  }
}

/** Rejects when there is no answer in time: a client may wait for a server to come back. */
async function within<T>(ms: number, promise: Promise<T>, onLate?: (error: Error) => void): Promise<T> {
  const { promise: deadline, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const late = new Error(`no answer in ${ms} ms`)
    onLate?.(late)
    reject(late)
  }, ms)
  try {
    return await Promise.race([promise, deadline])
  } finally {
    clearTimeout(timer)
  }
}
