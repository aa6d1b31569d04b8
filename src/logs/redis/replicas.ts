import type { Cancel, Clock, Follower, Snapshot } from '../../room/ports.ts'
import type { RedisDriver } from './driver.ts'
import { type Head, type KeptPresence, type News, type Reading, readingOf } from './records.ts'
import { Replica } from './replica.ts'
import { HEAD, READ, RENEW } from './scripts.ts'
import { inSlices } from './slices.ts'
import { Turns } from './turns.ts'

/** Rooms that are read at one time. Each may be as large as its state and its tail, on both sides of the line. */
const READS = 16

/** Milliseconds between two tries to read what could not be read. */
const RETRY = 500

export interface ReplicasOptions {
  readonly clock: Pick<Clock, 'after'>
  /** Puts off until this turn of the event loop is over: who asks until then asks together. */
  readonly soon: (task: () => void) => void
  /** Milliseconds between two looks whether a room from which nothing was heard has any news. */
  readonly lookEvery: number
  /** A name for a history that has begun anew. */
  readonly epoch: () => string
  readonly channel: (uuid: string) => string
  /** Runs one of the scripts of a room. */
  readonly run: (script: string, uuid: string, ...args: string[]) => Promise<unknown>
  /** The same for one that only reads, and may have much to say. */
  readonly read: (script: string, uuid: string, ...args: string[]) => Promise<unknown>
  /** Told what the log says of the owner, each time. */
  readonly onPresence: (uuid: string, presence: KeptPresence) => void
  readonly onEnd: (uuid: string) => void
}

/** The rooms that this node follows, each by its channel, and by reading where that leaves something out. */
export class Replicas {
  readonly #driver: RedisDriver
  readonly #options: ReplicasOptions
  readonly #replicas = new Map<string, Replica>()
  readonly #reads = new Turns(READS)
  readonly #heads = new Map<string, Promise<Head | undefined>>()
  #cancelLook: Cancel
  #cancelRetry: Cancel | undefined
  #isClosed = false

  constructor(driver: RedisDriver, options: ReplicasOptions) {
    this.#driver = driver
    this.#options = options
    this.#cancelLook = this.#lookLater()
  }

  /** Rejects when the log is out of reach; undefined when there is no such room. */
  async follow<F extends Follower>(uuid: string, begin: (snapshot: Snapshot) => F): Promise<F | undefined> {
    this.#drop(uuid)
    const replica = new Replica(
      {
        read: (epoch, seq) => this.#read(uuid, epoch, seq),
        renew: (epoch, presence, version) => this.#renew(uuid, epoch, presence, version),
        heard: (presence) => this.#options.onPresence(uuid, presence),
      },
      () => this.#forget(uuid, replica),
    )
    try {
      await this.#driver.subscribe(this.#options.channel(uuid), replica.receive)
      const reading = await this.#read(uuid, '', 0)
      if (reading === undefined) {
        this.#stop(uuid, replica)
        return undefined
      }
      this.#replicas.set(uuid, replica)
      return replica.start(reading, begin)
    } catch (error) {
      this.#stop(uuid, replica)
      throw error
    }
  }

  unfollow(uuid: string, follower: Follower): void {
    if (this.#replicas.get(uuid)?.isFollowedBy(follower)) this.#drop(uuid)
  }

  #drop(uuid: string): void {
    const replica = this.#replicas.get(uuid)
    if (replica === undefined) return
    this.#replicas.delete(uuid)
    this.#stop(uuid, replica)
  }

  /** Tells the follower of this room, if there is one here, what the log has answered: the channel will say it again. */
  hear(uuid: string, news: News): void {
    this.#replicas.get(uuid)?.hear(news)
  }

  /**
   * Whether the follower of this room, if there is one here, has been told all that the log has by now, or had when it said
   * `head`. Never rejects: false where the log is out of reach, and then the follower has been told that too.
   */
  async level(uuid: string, head?: Head): Promise<boolean> {
    const replica = this.#replicas.get(uuid)
    if (replica === undefined) return true
    if (replica.isStale) return false
    const reached = head ?? (await this.#headSoon(uuid))
    if (reached === undefined || !replica.hasReached(reached)) await replica.check()
    return !replica.isStale && !replica.hasEnded
  }

  /** What the log says next of the room, asked once for all who want to know in this turn; undefined: nothing. */
  #headSoon(uuid: string): Promise<Head | undefined> {
    const asked = this.#heads.get(uuid)
    if (asked !== undefined) return asked
    const { promise, resolve } = Promise.withResolvers<Head | undefined>()
    this.#heads.set(uuid, promise)
    this.#options.soon(() => {
      this.#heads.delete(uuid)
      void this.#head(uuid).then(resolve, () => resolve(undefined))
    })
    return promise
  }

  async #head(uuid: string): Promise<Head> {
    const [epoch, seq, version] = (await this.#options.run(HEAD, uuid)) as (string | null)[]
    return { epoch: epoch ?? '', seq: Number(seq), presenceVersion: Number(version) }
  }

  /** Something may have been missed of any room. */
  checkAll(): void {
    void this.#checkAll([...this.#replicas.values()])
  }

  close(): void {
    this.#isClosed = true
    this.#cancelLook()
    this.#cancelRetry?.()
    for (const uuid of this.#replicas.keys()) this.#drop(uuid)
  }

  async #read(uuid: string, epoch: string, seq: number): Promise<Reading | undefined> {
    return readingOf(await this.#reads.take(() => this.#options.read(READ, uuid, epoch, String(seq))))
  }

  async #renew(uuid: string, epoch: string, { term, node = '', here }: KeptPresence, version: number): Promise<void> {
    const seen = [String(term), node, String(version), here ? '1' : '']
    await this.#options.run(RENEW, uuid, epoch, this.#options.epoch(), ...seen)
  }

  #lookLater(): Cancel {
    const { clock, lookEvery } = this.#options
    return clock.after(lookEvery, () => {
      void this.#lookForNews()
      this.#cancelLook = this.#lookLater()
    })
  }

  /** A message may be missed with no connection lost. Where nothing was heard for a while, the log is asked. */
  async #lookForNews(): Promise<void> {
    const quiet = [...this.#replicas].filter(([, replica]) => replica.wasQuiet())
    await inSlices(quiet, async ([uuid, replica]) => {
      const head = await this.#head(uuid).catch(() => undefined)
      const isLevel = head !== undefined && replica.isLevelWith(head)
      if (!isLevel && this.#isFollowed(uuid, replica)) await this.#followAnew(uuid, replica)
    })
    this.#retrySoon()
  }

  /** It should have heard of what the log has: the subscription may be lost. */
  async #followAnew(uuid: string, replica: Replica): Promise<void> {
    const channel = this.#options.channel(uuid)
    await this.#driver.unsubscribe(channel, replica.receive).catch(() => {})
    await this.#driver.subscribe(channel, replica.receive).catch(() => {})
    if (this.#isFollowed(uuid, replica)) await replica.check()
    else this.#stop(uuid, replica)
  }

  #isFollowed(uuid: string, replica: Replica): boolean {
    return this.#replicas.get(uuid) === replica
  }

  async #checkAll(replicas: readonly Replica[]): Promise<void> {
    await inSlices(replicas, (replica) => replica.check())
    this.#retrySoon()
  }

  #retrySoon(): void {
    if (this.#isClosed || this.#cancelRetry !== undefined) return
    if (![...this.#replicas.values()].some(({ isStale }) => isStale)) return
    this.#cancelRetry = this.#options.clock.after(RETRY, () => {
      this.#cancelRetry = undefined
      void this.#checkAll([...this.#replicas.values()].filter(({ isStale }) => isStale))
    })
  }

  /** The room of `replica` has ended. */
  #forget(uuid: string, replica: Replica): void {
    if (this.#isFollowed(uuid, replica)) this.#replicas.delete(uuid)
    this.#options.onEnd(uuid)
    this.#stop(uuid, replica)
  }

  #stop(uuid: string, replica: Replica): void {
    replica.stop()
    this.#driver.unsubscribe(this.#options.channel(uuid), replica.receive).catch(() => {
      // The driver sees to it when there is a connection again.
    })
  }
}
