import type { EndReason } from '../protocol/codes.ts'
import { RoomError } from '../room/errors.ts'
import type { RoomLimits } from '../room/limits.ts'
import type {
  Appended,
  Cancel,
  Clock,
  Draft,
  Follower,
  Ownership,
  Presence,
  RoomLog,
  Secrets,
  Snapshot,
} from '../room/ports.ts'
import { stateFull } from '../room/state.ts'
import type { RedisDriver } from './redis/driver.ts'
import { RoomIndex } from './redis/index.ts'
import { type Append, Lanes } from './redis/lanes.ts'
import { newsOf, type Reading, readingOf, recordOf, textOf } from './redis/records.ts'
import { Replica } from './redis/replica.ts'
import * as scripts from './redis/scripts.ts'
import { Turns } from './redis/turns.ts'

export interface RedisLogOptions {
  readonly limits: RoomLimits
  /** Rooms at one time, on all nodes together. */
  readonly maxRooms: number
  readonly secrets: Pick<Secrets, 'uuid'>
  readonly clock: Pick<Clock, 'now' | 'after'>
  /** Puts a room's first request off until this turn of the event loop is over: what is asked for until then goes together. */
  readonly soon: (task: () => void) => void
  /** What all keys and channels begin with. */
  readonly prefix: string
  /** This node's name among those that use the same prefix. */
  readonly node: string
  /** Milliseconds for which a node may be silent before its owners are taken to be gone; the same for all nodes. */
  readonly lease?: number
}

const LEASE = 10_000

/** Rooms that are read at one time. Each may be as large as its state and its tail, on both sides of the line. */
const READS = 16

/** A node says so many times within its lease that its owners are here. */
const BEATS_PER_LEASE = 3

/** Milliseconds between two tries to read what could not be read. */
const RETRY = 500

/** Beats between two looks whether a room from which nothing was heard has any news. */
const LOOK_EVERY = 3

/** Beats between two times that the rooms of this node's owners are kept from expiring. */
const RETAIN_EVERY = 300

/** Milliseconds for which a room is kept that no node looks after any more, beyond the grace time. */
const AFTERLIFE = 3_600_000

/** Calls that are under way at one time when something is done about all rooms. */
const AT_ONCE = 200

/**
 * Rooms in Redis, for any number of nodes. What is acknowledged is in the server, and survives what that survives; each node
 * hears of it by publish and subscribe, and reads what it has missed.
 */
export class RedisLog implements RoomLog {
  readonly #driver: RedisDriver
  readonly #options: RedisLogOptions
  readonly #index: RoomIndex
  readonly #expiry: string
  readonly #lanes: Lanes
  readonly #reads = new Turns(READS)
  readonly #replicas = new Map<string, Replica>()
  /** The term of each room whose owner is on this node. */
  readonly #owned = new Map<string, number>()
  #beats = 0
  #cancelBeat: Cancel
  #cancelRetry: Cancel | undefined
  #isClosed = false

  constructor(driver: RedisDriver, options: RedisLogOptions) {
    const { limits, prefix, soon, lease = LEASE } = options
    const expiry = limits.grace + AFTERLIFE
    this.#driver = driver
    this.#options = options
    this.#expiry = String(expiry)
    this.#index = new RoomIndex(driver, prefix, lease, expiry)
    this.#lanes = new Lanes({
      waiting: { drafts: limits.tailEntries, bytes: limits.tailBytes },
      full: unavailable,
      soon,
      append: (uuid, appends) => this.#appendAll(uuid, appends),
    })
    driver.onDisturbance = () => void this.#checkAll([...this.#replicas.values()])
    this.#cancelBeat = this.#beatLater()
  }

  create(uuid: string, ownerHash: string): Promise<void> {
    const { maxRooms, secrets, node } = this.#options
    return this.#call(uuid, async () => {
      if (!(await this.#index.enlist(uuid, maxRooms))) {
        throw new RoomError('server_full', `the server is full: at most ${maxRooms} rooms`, { limit: maxRooms })
      }
      await this.#run(scripts.CREATE, uuid, secrets.uuid(), ownerHash, node, this.#expiry)
      this.#owned.set(uuid, 1)
    })
  }

  follow<F extends Follower>(uuid: string, begin: (snapshot: Snapshot) => F): Promise<F | undefined> {
    return this.#call(uuid, async () => {
      this.unfollow(uuid)
      const replica = new Replica(
        {
          read: (epoch, seq) => this.#read(uuid, epoch, seq),
          renew: async (epoch, { term, node = '' }, version) => {
            const fresh = this.#options.secrets.uuid()
            await this.#run(scripts.RENEW, uuid, epoch, fresh, String(term), node, String(version))
          },
          owned: (term) => this.#disown(uuid, term),
        },
        () => this.#forget(uuid, replica),
      )
      try {
        await this.#driver.subscribe(this.#channel(uuid), replica.receive)
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
    })
  }

  unfollow(uuid: string): void {
    const replica = this.#replicas.get(uuid)
    if (replica === undefined) return
    this.#replicas.delete(uuid)
    this.#stop(uuid, replica)
  }

  append(uuid: string, draft: Draft): Promise<Appended> {
    return this.#isClosed ? Promise.reject(unavailable()) : this.#lanes.append(uuid, draft)
  }

  takeOver(uuid: string, keyHash: string, freshHash: string): Promise<Ownership | undefined> {
    return this.#call(uuid, async () => {
      const told = await this.#run(scripts.TAKE_OVER, uuid, keyHash, freshHash, this.#options.node, this.#expiry)
      const presence = this.#tell(uuid, told)
      if (presence === undefined) return undefined
      const { term, handedOver = false } = presence
      this.#owned.set(uuid, term)
      // The room is taken over, whatever becomes of this: what is missing there, a beat makes good.
      await this.#index.placeHere(uuid).catch(() => {})
      return { term, handedOver }
    })
  }

  offerHandover(uuid: string, term: number, keyHash: string): Promise<void> {
    return this.#call(uuid, async () => {
      checkOwned(await this.#run(scripts.OFFER_HANDOVER, uuid, String(term), keyHash))
    })
  }

  ownerLeft(uuid: string, term: number, now: number): Promise<void> {
    // Whether or not the log hears of it, this node does not speak for the owner any more.
    if (this.#owned.get(uuid) === term) this.#owned.delete(uuid)
    return this.#call(uuid, async () => {
      const clock = this.#options.clock.now()
      const told = await this.#run(scripts.OWNER_LEFT, uuid, String(term), String(now), String(clock), this.#expiry)
      // Where this fails, nobody says any more that its owner is here: a sweep finds out.
      if (this.#tell(uuid, told) !== undefined) await this.#index.placeGone(uuid, now, clock).catch(() => {})
    })
  }

  async abandoned(time: number): Promise<{ uuid: string; term: number }[]> {
    try {
      const { silent, left, limit } = await this.#index.sweep(time, this.#options.clock.now())
      await inSlices(silent, ({ uuid, at }) => this.#orphan(uuid, at))
      const rooms = await inSlices(left, (uuid) => this.#lookAt(uuid, limit))
      return rooms.filter((room) => room !== undefined)
    } catch (error) {
      throw problemOf(error)
    }
  }

  end(uuid: string, term: number, reason: EndReason): Promise<void> {
    return this.#call(uuid, async () => {
      const outcome = await this.#run(scripts.END, uuid, String(term), reason)
      if (outcome !== 'room_not_found') checkOwned(outcome)
      this.#replicas.get(uuid)?.end(reason)
      this.#owned.delete(uuid)
      // The room has ended, whatever becomes of this: of one that no node speaks for, a sweep finds that it is not there.
      await this.#index.drop(uuid).catch(() => {})
    })
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#cancelBeat()
    this.#cancelRetry?.()
    this.#driver.onDisturbance = undefined
    await this.#lanes.idle()
    for (const uuid of this.#replicas.keys()) this.unfollow(uuid)
    await this.#driver.close()
  }

  async #appendAll(uuid: string, appends: readonly Append[]): Promise<void> {
    const { stateBytes, stateEntries, tailBytes, tailEntries } = this.#options.limits
    const bounds = [tailEntries, tailBytes, stateEntries, stateBytes].map(String)
    const texts = appends.map(({ draft }) => textOf(draft))
    const drafts = appends.flatMap(({ draft }, i) => [...argumentsOf(draft), texts[i]!])
    try {
      const outcomes = await this.#run(scripts.APPEND, uuid, ...bounds, this.#expiry, ...drafts)
      for (const [i, append] of appends.entries())
        this.#settle(uuid, append, texts[i]!, (outcomes as (number | string)[])[i]!)
    } catch (error) {
      for (const { reject } of appends) reject(problemOf(error))
    }
  }

  /** `outcome` as the script `APPEND` says. */
  #settle(uuid: string, { resolve, reject }: Append, text: string, outcome: number | string): void {
    if (outcome === 'entries' || outcome === 'bytes') return reject(stateFull(this.#options.limits, outcome))
    if (typeof outcome === 'string') return reject(refusal(outcome))
    const seq = Math.abs(outcome)
    // A draft of this node's own need not come back by the channel to be seen here.
    const isNew = outcome > 0
    if (isNew) this.#replicas.get(uuid)?.hear({ kind: 'entry', record: recordOf(seq, text) })
    resolve({ seq })
  }

  /** Applies what a script has told the followers of the owner; undefined where it told them nothing. */
  #tell(uuid: string, told: unknown): Presence | undefined {
    const news = newsOf(String(told))
    if (news.kind !== 'presence') return undefined
    this.#replicas.get(uuid)?.hear(news)
    return news
  }

  /** The owner of `term` has come, to whatever node: this one does not speak for the one before it any more. */
  #disown(uuid: string, term: number): void {
    if ((this.#owned.get(uuid) ?? term) < term) this.#owned.delete(uuid)
  }

  async #orphan(uuid: string, at: number): Promise<void> {
    const left = await this.#run(scripts.ORPHAN, uuid, String(at))
    if (left === null) await this.#index.drop(uuid)
    else await this.#index.placeGone(uuid, Number(left))
  }

  async #lookAt(uuid: string, time: number): Promise<{ uuid: string; term: number } | undefined> {
    const [term, left] = (await this.#run(scripts.LOOK, uuid)) as (string | null)[]
    if (term === null) await this.#index.drop(uuid)
    else if (left === null) await this.#index.placeHere(uuid)
    else if (Number(left) <= time) return { uuid, term: Number(term) }
    return undefined
  }

  #beatLater(): Cancel {
    const { clock, lease = LEASE } = this.#options
    return clock.after(lease / BEATS_PER_LEASE, () => {
      this.#beat().catch(() => {
        // Out of reach: the rooms of this node count as owned for as long as the lease holds, and again after the next.
      })
      this.#cancelBeat = this.#beatLater()
    })
  }

  async #beat(): Promise<void> {
    this.#beats++
    if (this.#beats % LOOK_EVERY === 0) void this.#lookForNews()
    if (this.#beats % RETAIN_EVERY === 0)
      await inSlices(this.#owned.keys(), (uuid) => this.#run(scripts.RETAIN, uuid, this.#expiry).catch(() => {}))
    const missing = await this.#index.beat([...this.#owned.keys()])
    await inSlices(missing, (uuid) => this.#stay(uuid))
  }

  /** The others took this node for dead, and the owner of this room for gone. */
  async #stay(uuid: string): Promise<void> {
    const term = this.#owned.get(uuid)
    if (term === undefined) return
    const told = await this.#run(scripts.OWNER_STAYED, uuid, String(term))
    if (told === 'displaced' || told === 'room_not_found') {
      if (this.#owned.get(uuid) === term) this.#owned.delete(uuid)
      return
    }
    this.#tell(uuid, told)
    await this.#index.placeHere(uuid)
  }

  /** A message may be missed with no connection lost. Where nothing was heard for a while, the log is asked. */
  async #lookForNews(): Promise<void> {
    const quiet = [...this.#replicas].filter(([, replica]) => replica.wasQuiet())
    await inSlices(quiet, async ([uuid, replica]) => {
      const [epoch, seq, version] = (await this.#run(scripts.HEAD, uuid).catch(() => [])) as (string | null)[]
      const isLevel = replica.isLevelWith({ epoch: epoch ?? '', seq: Number(seq), presenceVersion: Number(version) })
      if (!isLevel && this.#isFollowed(uuid, replica)) await this.#followAnew(uuid, replica)
    })
    this.#retrySoon()
  }

  /** It should have heard of what the log has: the subscription may be lost. */
  async #followAnew(uuid: string, replica: Replica): Promise<void> {
    await this.#driver.unsubscribe(this.#channel(uuid), replica.receive).catch(() => {})
    await this.#driver.subscribe(this.#channel(uuid), replica.receive).catch(() => {})
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

  #forget(uuid: string, replica: Replica): void {
    if (this.#isFollowed(uuid, replica)) this.#replicas.delete(uuid)
    this.#owned.delete(uuid)
    this.#stop(uuid, replica)
  }

  #stop(uuid: string, replica: Replica): void {
    replica.stop()
    this.#driver.unsubscribe(this.#channel(uuid), replica.receive).catch(() => {
      // The driver sees to it when there is a connection again.
    })
  }

  /** Runs `call` after all that was asked of the room before; it may only fail with a `RoomError`. */
  #call<T>(uuid: string, call: () => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(unavailable())
    return this.#lanes.call(uuid, () =>
      call().catch((error) => {
        throw problemOf(error)
      }),
    )
  }

  #run(script: string, uuid: string, ...args: string[]): Promise<unknown> {
    return this.#driver.run(script, this.#keysOf(uuid), args)
  }

  async #read(uuid: string, epoch: string, seq: number): Promise<Reading | undefined> {
    const args = [epoch, String(seq)]
    return readingOf(await this.#reads.take(() => this.#driver.read(scripts.READ, this.#keysOf(uuid), args)))
  }

  #keysOf(uuid: string): string[] {
    return ['room', 'tail', 'state', 'ids', 'news'].map((name) => `${this.#options.prefix}{${uuid}}:${name}`)
  }

  #channel(uuid: string): string {
    return `${this.#options.prefix}{${uuid}}:news`
  }
}

/** A draft as the script `APPEND` takes it, but for its text. */
function argumentsOf(draft: Draft): string[] {
  const { term, id = '', state, bytes } = draft
  return [String(term), id, state?.key ?? '', state?.retain ?? '', String(bytes)]
}

/** Does `visit` for all, so many at a time. */
async function inSlices<T, R>(items: Iterable<T>, visit: (item: T) => Promise<R>): Promise<R[]> {
  const all = [...items]
  const results: R[] = []
  for (let i = 0; i < all.length; i += AT_ONCE)
    results.push(...(await Promise.all(all.slice(i, i + AT_ONCE).map(visit))))
  return results
}

function checkOwned(outcome: unknown): void {
  if (outcome !== 'ok') throw refusal(String(outcome))
}

function refusal(outcome: string): RoomError {
  if (outcome === 'displaced') return new RoomError('displaced', 'another owner has taken the room')
  return new RoomError('room_not_found', 'there is no such room')
}

function problemOf(error: unknown): RoomError {
  return error instanceof RoomError ? error : unavailable()
}

function unavailable(): RoomError {
  return new RoomError('log_unavailable', 'the rooms cannot be written or read at the moment', { retryAfter: 1000 })
}
