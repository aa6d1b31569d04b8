import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ErrorReply } from '@redis/client'
import type { Hear, RedisDriver } from '../logs/redis/driver.ts'
import { connectCluster } from './redis-cluster-line.ts'
import { backoff, connectServer, type RedisLine } from './redis-line.ts'

export interface RedisOptions {
  /** `redis://` or, for TLS, `rediss://`, each `[[user]:password@]host[:port][/database]`; several: where to look for a cluster. */
  readonly urls: readonly [string, ...string[]]
  readonly isCluster: boolean
  /** Told when the server gets out of reach, when it is back, and of each command that it refuses. */
  readonly onNews: (news: string) => void
}

/** The oldest Redis that has sharded channels, and scripts that are refused as a whole when memory is full. */
const OLDEST = 7

const REPLICA = 'this Redis is the replica of another: the address has to lead to that'

/** Milliseconds until another look at a server that could not be used. */
const LOOK_AGAIN = 1000

const UNREACHABLE = 'Redis cannot be reached'

/** Redis by its own client. */
export class NodeRedisDriver implements RedisDriver {
  onDisturbance: (() => void) | undefined
  readonly #options: RedisOptions
  readonly #hashes = new Map<string, string>()
  /** Who hears what they do not want any more: the client, which could not be told, subscribes them whenever it connects. */
  readonly #unwanted = new Map<Hear, string>()
  #line: RedisLine | undefined
  #isClosed = false
  #look: NodeJS.Timeout | undefined
  /** Why it cannot be used; undefined: it can. */
  #ailment: string | undefined = UNREACHABLE

  constructor(options: RedisOptions) {
    this.#options = options
  }

  /** Why Redis cannot be used at the moment; undefined: it can. */
  get ailment(): string | undefined {
    if (this.#ailment === undefined && !this.#line?.isUp) return UNREACHABLE
    return this.#ailment
  }

  /** One try. Rejects where the server cannot be reached, or cannot be used. */
  async connect(): Promise<void> {
    const { urls, isCluster } = this.#options
    const disturbed = (error?: Error) => this.#disturbed(error)
    const line = isCluster ? await connectCluster(urls, disturbed) : await connectServer(urls[0], disturbed)
    if (this.#isClosed) return line.destroy()
    this.#line = line
    await this.#examine()
    if (this.#ailment !== undefined) {
      this.#line = undefined
      line.destroy()
      throw new Error(this.#ailment)
    }
    this.onDisturbance?.()
  }

  /** Tries until it is connected, or closed. */
  async connectInTime(): Promise<void> {
    for (let tries = 0; !this.#isClosed && this.#line === undefined; tries++) {
      await this.connect().catch(async (error: Error) => {
        if (tries === 0) this.#options.onNews(`${error.message}: trying again`)
        await sleep(backoff(tries))
      })
    }
  }

  run(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#run('command', script, keys, args)
  }

  read(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#run('read', script, keys, args)
  }

  async publish(channel: string, message: string): Promise<number> {
    return Number(await this.#fit().command(channel, ['SPUBLISH', channel, message]))
  }

  async announce(channel: string, message: string): Promise<void> {
    await this.#fit().command(channel, ['PUBLISH', channel, message])
  }

  async subscribe(channel: string, hear: Hear): Promise<void> {
    this.#unwanted.delete(hear)
    await this.#existing().hear(channel, hear)
  }

  async unsubscribe(channel: string, hear: Hear): Promise<void> {
    this.#unwanted.set(hear, channel)
    await this.#line?.stopHearing(channel, hear)
    this.#unwanted.delete(hear)
  }

  async overhear(pattern: string, hear: Hear): Promise<void> {
    await this.#existing().hearPattern(pattern, hear)
  }

  async stopOverhearing(pattern: string, hear: Hear): Promise<void> {
    await this.#line?.stopHearingPattern(pattern, hear)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#look)
    this.#line?.destroy()
    this.#line = undefined
  }

  async #run(
    way: 'command' | 'read',
    script: string,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args]
    try {
      return await this.#fit()[way](keys[0]!, ['EVALSHA', this.#hashOf(script), ...rest])
    } catch (error) {
      if (!isReply(error, /^NOSCRIPT/)) throw this.#noted(error)
    }
    try {
      return await this.#fit()[way](keys[0]!, ['EVAL', script, ...rest])
    } catch (error) {
      throw this.#noted(error)
    }
  }

  /** Throws where the server is known not to be one that rooms are safe with. */
  #fit(): RedisLine {
    if (this.#ailment !== undefined && this.#ailment !== UNREACHABLE) throw new Error(this.#ailment)
    return this.#existing()
  }

  #existing(): RedisLine {
    if (this.#line === undefined) throw new Error(UNREACHABLE)
    return this.#line
  }

  #hashOf(script: string): string {
    const known = this.#hashes.get(script)
    if (known !== undefined) return known
    const hash = createHash('sha1').update(script).digest('hex')
    this.#hashes.set(script, hash)
    return hash
  }

  /** What a server refuses, whoever runs it has to know; of a connection that is lost it is told elsewhere. */
  #noted(error: unknown): unknown {
    if (!(error instanceof ErrorReply)) return error
    this.#options.onNews(`Redis refuses: ${error.message}`)
    // After a failover: the address may lead to the new master by now.
    if (error.message.startsWith('READONLY')) this.#line?.findMasters()
    return error
  }

  #disturbed(error?: Error): void {
    if (this.#isClosed) return
    const wasWell = this.#ailment === undefined
    if (error !== undefined) {
      if (wasWell) this.#options.onNews(`${UNREACHABLE}: ${error.message || error.name}`)
      this.#ailment = UNREACHABLE
      this.#lookAgain()
      this.onDisturbance?.()
      return
    }
    if (!this.#line?.isUp) return this.#lookAgain()
    void this.#examine().then(() => {
      if (!wasWell && this.#ailment === undefined) this.#options.onNews('Redis is back')
      this.#unsubscribeAgain()
      this.onDisturbance?.()
    })
  }

  /** Not every error is followed by a new connection, which would say that all is well. */
  #lookAgain(): void {
    if (this.#isClosed || this.#look !== undefined) return
    this.#look = setTimeout(() => {
      this.#look = undefined
      this.#disturbed()
    }, LOOK_AGAIN).unref()
  }

  #unsubscribeAgain(): void {
    for (const [hear, channel] of this.#unwanted) {
      this.unsubscribe(channel, hear).catch(() => {
        // The connection is gone once more: the next one will see.
      })
    }
  }

  /** Whether each server is one that rooms are safe with. */
  async #examine(): Promise<void> {
    try {
      const line = this.#existing()
      const complaints = (await line.commandAll(['INFO'])).map((info) => unfitness(String(info)))
      const isReplica = complaints.includes(REPLICA)
      this.#ailment = complaints.find(
        (complaint) => complaint !== undefined && !(line.isCluster && complaint === REPLICA),
      )
      // One server whose address leads to a replica may lead to the master a moment later.
      if (isReplica && line.isCluster) line.findMasters()
      else if (isReplica) setTimeout(() => line.findMasters(), LOOK_AGAIN).unref()
      if (isReplica && line.isCluster) this.#lookAgain()
    } catch (error) {
      // An account that may not ask is believed to have been given a server that is fit.
      this.#ailment = isReply(error, /^NOPERM/) ? undefined : UNREACHABLE
      if (this.#ailment !== undefined) this.#lookAgain()
    }
  }
}

function unfitness(info: string): string | undefined {
  const read = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? ''
  const version = read('redis_version')
  if (Number.parseInt(version, 10) < OLDEST) return `Redis is too old: ${version}, and ${OLDEST} or later is needed`
  const policy = read('maxmemory_policy')
  if (read('maxmemory') !== '0' && policy !== 'noeviction') {
    return `Redis would throw rooms away: its maxmemory-policy is ${policy}, and noeviction is needed`
  }
  if (read('role') === 'slave') return REPLICA
  return undefined
}

function isReply(error: unknown, code: RegExp): boolean {
  return error instanceof ErrorReply && code.test(error.message)
}
