import { createClient } from '@redis/client'
import type { Hear } from '../logs/redis/driver.ts'
import { type Disturbed, Patience } from './redis-patience.ts'

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
  /** One that is a replica by now can be passed over: who is a master instead, `findMasters` finds. */
  readonly isCluster: boolean
  /** Sees anew who is a master: where the address leads by now, or what the cluster says. */
  findMasters(): void
  destroy(): void
}

/** Milliseconds between two pings, and without anything read or written until a connection is given up. */
const PING_INTERVAL = 1000
const SOCKET_TIMEOUT = 2000

/** Milliseconds between two tries to connect: at first, and at most. */
export const RETRY = { first: 50, most: 1000 }

/** Milliseconds to wait after so many tries that failed, some more and some less, so that not all nodes come at once. */
export function backoff(tries: number): number {
  return Math.min(RETRY.first * 2 ** tries, RETRY.most) * (0.5 + Math.random() / 2)
}

/** `first` says whether the connection has been there before: until then a failure is final, and whoever connects tries again. */
export function optionsOf(first: { isOver: boolean }) {
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
    isCluster: false,
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
    findMasters() {
      for (const one of [client, reader]) one.sendCommand(['QUIT']).catch(() => {})
    },
    destroy,
  }
}
