import { setTimeout as sleep } from 'node:timers/promises'
import { createCluster, ErrorReply } from '@redis/client'
import { optionsOf, RETRY, type RedisLine } from './redis-line.ts'
import { ANSWER, type Disturbed, Patience, within } from './redis-patience.ts'

/** What a server refuses that is not the master of a key, or does not know who is. */
const IS_ELSEWHERE = /^(READONLY|MOVED|CLUSTERDOWN|MASTERDOWN)/

interface Connected {
  readonly client?: { readonly isReady: boolean } | undefined
  /** While it is being connected for the first time. */
  readonly connectPromise?: Promise<unknown> | undefined
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
  // Of a connection that is not used any more, as when the last channel of a server was left, an error is none.
  const failed = (error: Error) => {
    if (first.isOver && !isUp()) disturbed(error)
  }
  cluster.on('error', failed)
  cluster.on('node-error', failed)
  cluster.on('node-ready', () => first.isOver && disturbed())
  cluster.on('sharded-channel-moved-error', (error: Error) => disturbed(error))
  try {
    await cluster.connect()
    first.isOver = true
  } catch (error) {
    cluster.destroy()
    throw error
  }
  const patience = new Patience(disturbed)
  let isSearching = false
  // The client has connections of their own for channels, and so any answer may be long.
  const command = async (key: string, words: string[]) => {
    try {
      const client = await within(ANSWER, cluster.getNodeClientForKey(key))
      return await patience.with(client, () => cluster.sendCommand(key, false, words))
    } catch (error) {
      if (!(error instanceof ErrorReply) || IS_ELSEWHERE.test(error.message)) findMasters()
      throw error
    }
  }

  function isUp(): boolean {
    const { masters, pubSubNode } = cluster
    const isWell = (one: Connected | undefined) =>
      one === undefined || one.connectPromise !== undefined || one.client?.isReady === true
    // One for channels that is being made is no failure: it is made for who waits for it.
    return masters.every((master) => master.client?.isReady && isWell(master.pubSub)) && isWell(pubSubNode)
  }

  /** Once a second at most: what fails meanwhile, fails for the same reason. */
  function findMasters(): void {
    if (isSearching) return
    isSearching = true
    // The client itself asks anew only where a server redirects it, and one without traffic does not.
    const found = cluster._slots.rediscover().catch(failed)
    void Promise.all([found, sleep(RETRY.most, undefined, { ref: false })]).then(() => {
      isSearching = false
    })
  }

  return {
    isCluster: true,
    get isUp() {
      return isUp()
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
    findMasters,
    destroy: () => cluster.destroy(),
  }
}
