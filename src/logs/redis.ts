import type { EndReason } from '../protocol/codes.ts'
import { overRate } from '../room/broadcast-rate.ts'
import { type Bound, UNBOUNDED } from '../room/budget.ts'
import { RoomError } from '../room/errors.ts'
import type { RoomLimits } from '../room/limits.ts'
import type { Appended, Clock, Draft, Follower, Ownership, RoomLog, Secrets, Snapshot } from '../room/ports.ts'
import { stateFull } from '../room/state.ts'
import type { RedisDriver } from './redis/driver.ts'
import { RoomIndex } from './redis/index.ts'
import { type Append, Lanes } from './redis/lanes.ts'
import { Owners } from './redis/owners.ts'
import { type PresenceNews, presenceOf, recordOf, textOf } from './redis/records.ts'
import { Replicas } from './redis/replicas.ts'
import * as scripts from './redis/scripts.ts'
import { inSlices } from './redis/slices.ts'

export interface RedisLogOptions {
  readonly limits: RoomLimits
  /** Rooms at one time, on all nodes together. */
  readonly maxRooms: number
  /** Of what this node holds in memory; absent: unbounded. */
  readonly budget?: Bound
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

/** Of a draft that is over the room's rate, before the milliseconds to wait. */
const OVER_RATE = 'rate:'

/** How often it is asked to take a room over when no answer comes, and milliseconds between two tries. */
const TRIES = 6
const PAUSE = 250

/** What the script `TAKE_OVER` answers: the presence, 1 where the key is a fresh one, epoch and seq. */
type Taken = [string, number, string, number]

/** Milliseconds for which a room is kept that no node looks after any more, beyond the grace time. */
const AFTERLIFE = 7 * 86_400_000

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
  readonly #owners: Owners
  readonly #replicas: Replicas
  /** Of the rooms that were found to be abandoned: when their owners left, by the log. */
  #foundLeft = new Map<string, string>()
  #isClosed = false

  constructor(driver: RedisDriver, options: RedisLogOptions) {
    const { limits, prefix, node, secrets, clock, soon, lease = LEASE } = options
    const expiry = limits.grace + AFTERLIFE
    this.#driver = driver
    this.#options = options
    this.#expiry = String(expiry)
    this.#index = new RoomIndex(driver, prefix, node, lease, expiry)
    this.#lanes = new Lanes({
      waiting: { drafts: limits.tailEntries, bytes: limits.tailBytes },
      full: unavailable,
      soon,
      append: (uuid, appends) => this.#appendAll(uuid, appends),
    })
    this.#owners = new Owners(this.#index, clock, lease, {
      retain: async (uuid) => void (await this.#run(scripts.RETAIN, uuid, this.#expiry)),
      stay: (uuid, term) => this.#stay(uuid, term),
    })
    this.#replicas = new Replicas(driver, {
      clock,
      soon,
      lookEvery: lease,
      epoch: () => secrets.uuid(),
      channel: (uuid) => this.#keysOf(uuid).at(-1)!,
      run: (...asked) => this.#run(...asked),
      read: (script, uuid, ...args) => driver.read(script, this.#keysOf(uuid), args),
      onPresence: (uuid, presence) => this.#owners.heard(uuid, presence),
      onEnd: (uuid) => this.#owners.forget(uuid),
    })
    driver.onDisturbance = () => {
      this.#replicas.checkAll()
      this.#owners.beat()
    }
  }

  create(uuid: string, ownerHash: string, leftAt?: number): Promise<void> {
    const { maxRooms, secrets, node, clock } = this.#options
    return this.#call(uuid, async () => {
      if (!(await this.#index.enlist(uuid, maxRooms))) {
        throw new RoomError('server_full', `the server is full: at most ${maxRooms} rooms`, { limit: maxRooms })
      }
      const args = [secrets.uuid(), ownerHash, node, this.#expiry]
      if (leftAt === undefined) {
        await this.#run(scripts.CREATE, uuid, ...args)
        this.#owners.came(uuid, 1)
      } else {
        const now = clock.now()
        await this.#run(scripts.CREATE, uuid, ...args, String(leftAt), String(now))
        // Where this fails, nobody says that its owner is here: a sweep finds out.
        await this.#index.placeGone(uuid, leftAt, now).catch(() => {})
      }
    })
  }

  follow<F extends Follower>(uuid: string, begin: (snapshot: Snapshot) => F): Promise<F | undefined> {
    return this.#call(uuid, () => this.#replicas.follow(uuid, begin))
  }

  unfollow(uuid: string, follower: Follower): void {
    this.#replicas.unfollow(uuid, follower)
  }

  append(uuid: string, draft: Draft): Promise<Appended> {
    return this.#isClosed ? Promise.reject(unavailable()) : this.#lanes.append(uuid, draft)
  }

  async takeOver(uuid: string, keyHash: string, freshHash: string): Promise<Ownership | undefined> {
    // Ahead of the lane: however many come with a wrong key, the owner does not wait for them.
    if (!(await this.#holdsKey(uuid, keyHash))) return undefined
    return this.#call(uuid, async () => {
      const taken = await this.#takeOver(uuid, keyHash, freshHash)
      if (taken === null) return undefined
      const [told, isFresh, epoch, seq] = taken
      const { term, version } = this.#tell(uuid, told)!
      this.#owners.came(uuid, term)
      // The room is taken over, whatever becomes of this: what is missing there, a beat makes good.
      await this.#index.placeHere(uuid, this.#options.node).catch(() => {})
      if (await this.#replicas.level(uuid, { epoch, seq, presenceVersion: version })) {
        return { term, handedOver: isFresh === 1 }
      }
      // What it would be shown is old, and of its own broadcasts nobody would tell it later.
      await this.#leave(uuid, term, this.#options.clock.now()).catch(() => {})
      throw unavailable()
    })
  }

  async #leave(uuid: string, term: number, now: number): Promise<void> {
    const clock = this.#options.clock.now()
    this.#owners.left(uuid, term)
    const told = await this.#run(scripts.OWNER_LEFT, uuid, String(term), String(now), String(clock), this.#expiry)
    // Where this fails, nobody says any more that its owner is here: a sweep finds out.
    if (this.#tell(uuid, told) !== undefined) await this.#index.placeGone(uuid, now, clock).catch(() => {})
  }

  /** Where the answer is lost it asks again: somebody may have been displaced. */
  async #takeOver(uuid: string, keyHash: string, freshHash: string): Promise<Taken | null> {
    const { secrets, node, clock } = this.#options
    const args = [keyHash, freshHash, node, this.#expiry, secrets.uuid()]
    for (let tries = 1; ; tries++) {
      try {
        return (await this.#run(scripts.TAKE_OVER, uuid, ...args)) as Taken | null
      } catch (error) {
        if (tries === TRIES || this.#isClosed) throw error
        await new Promise<void>((resolve) => clock.after(PAUSE, resolve))
      }
    }
  }

  async level(uuid: string): Promise<void> {
    await this.#replicas.level(uuid)
  }

  offerHandover(uuid: string, term: number, keyHash: string): Promise<void> {
    return this.#call(uuid, async () => {
      checkOwned(await this.#run(scripts.OFFER_HANDOVER, uuid, String(term), keyHash))
    })
  }

  ownerLeft(uuid: string, term: number, now: number): Promise<void> {
    // Whether or not the log hears of it, this node does not speak for the owner any more.
    this.#owners.left(uuid, term)
    return this.#call(uuid, () => this.#leave(uuid, term, now))
  }

  async abandoned(time: number): Promise<{ uuid: string; term: number }[]> {
    try {
      this.#foundLeft = new Map()
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
      const left = this.#foundLeft.get(uuid) ?? ''
      this.#foundLeft.delete(uuid)
      const outcome = await this.#run(scripts.END, uuid, String(term), reason, left)
      if (outcome !== 'room_not_found') checkOwned(outcome)
      this.#replicas.hear(uuid, { kind: 'ended', reason })
      this.#owners.forget(uuid)
      // The room has ended, whatever becomes of this: of one that no node speaks for, a sweep finds that it is not there.
      await this.#index.drop(uuid).catch(() => {})
    })
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#driver.onDisturbance = undefined
    this.#owners.close()
    await this.#lanes.idle()
    this.#replicas.close()
    await this.#driver.close()
  }

  /** Resolves with the error of those that were refused for the room's rate, where there were any. */
  async #appendAll(uuid: string, appends: readonly Append[]): Promise<Error | undefined> {
    const { stateBytes, stateEntries, tailBytes, tailEntries, broadcastRate, broadcastBytes } = this.#options.limits
    const clock = this.#options.clock.now()
    // What is stored there is held here as well: no more state, where this node has no place for it.
    const { budget = UNBOUNDED } = this.#options
    const full = budget.isFull ? budget.refusal('state_full') : undefined
    const bounds = [
      tailEntries,
      tailBytes,
      full ? 0 : stateEntries,
      stateBytes,
      this.#expiry,
      clock,
      broadcastRate,
      broadcastBytes,
    ]
    const texts = appends.map(({ draft }) => textOf(draft))
    const drafts = appends.flatMap(({ draft }, i) => [...argumentsOf(draft), texts[i]!])
    try {
      const reply = await this.#run(scripts.APPEND, uuid, ...bounds.map(String), ...drafts)
      const outcomes = reply as (number | string)[]
      for (const [i, append] of appends.entries()) this.#settle(uuid, append, texts[i]!, outcomes[i]!, full)
      const overRate = outcomes.find((outcome) => typeof outcome === 'string' && outcome.startsWith(OVER_RATE))
      return overRate === undefined ? undefined : this.#refusal(overRate as string)
    } catch (error) {
      for (const { reject } of appends) reject(problemOf(error))
      return undefined
    }
  }

  /** `outcome` as the script `APPEND` says; `full` is why it was told that no state fits, where it was. */
  #settle(uuid: string, { resolve, reject }: Append, text: string, outcome: number | string, full?: RoomError): void {
    if (outcome === 'entries' && full !== undefined) return reject(full)
    if (typeof outcome === 'string') return reject(this.#refusal(outcome))
    const seq = Math.abs(outcome)
    // A draft of this node's own need not come back by the channel to be seen here.
    const isNew = outcome > 0
    if (isNew) this.#replicas.hear(uuid, { kind: 'entry', record: recordOf(seq, text) })
    resolve({ seq })
  }

  /** Why the script `APPEND` refuses a draft. */
  #refusal(outcome: string): RoomError {
    const { limits } = this.#options
    if (outcome === 'entries' || outcome === 'bytes') return stateFull(limits, outcome)
    if (outcome.startsWith(OVER_RATE)) return overRate(limits, Number(outcome.slice(OVER_RATE.length)))
    return refusal(outcome)
  }

  /** Applies what a script has told the followers of the owner; undefined where it told them nothing. */
  #tell(uuid: string, told: unknown): PresenceNews | undefined {
    const presence = presenceOf(told)
    if (presence !== undefined) this.#replicas.hear(uuid, presence)
    return presence
  }

  async #holdsKey(uuid: string, keyHash: string): Promise<boolean> {
    try {
      return (await this.#run(scripts.HOLDS_KEY, uuid, keyHash)) === 1
    } catch (error) {
      throw problemOf(error)
    }
  }

  /** In the index first: a node that is back after all sees there that it has to say so. */
  async #orphan(uuid: string, at: number): Promise<void> {
    await this.#index.placeGone(uuid, at)
    const isRoom = (await this.#run(scripts.ORPHAN, uuid, String(at))) === 1
    if (!isRoom) await this.#index.drop(uuid)
  }

  async #lookAt(uuid: string, time: number): Promise<{ uuid: string; term: number } | undefined> {
    const [term, left, node] = (await this.#run(scripts.LOOK, uuid)) as [string | null, string | null, string]
    if (term === null) await this.#index.drop(uuid)
    else if (left === null) await this.#index.placeHere(uuid, node)
    else if (Number(left) > time) await this.#index.placeGone(uuid, Number(left))
    else {
      this.#foundLeft.set(uuid, left)
      return { uuid, term: Number(term) }
    }
    return undefined
  }

  #stay(uuid: string, term: number): Promise<boolean> {
    return this.#call(uuid, async () => {
      // It may have left since this was asked for.
      if (!this.#owners.has(uuid, term)) return true
      const told = await this.#run(scripts.OWNER_STAYED, uuid, String(term), this.#options.node)
      if (told === 'displaced' || told === 'room_not_found') return false
      this.#tell(uuid, told)
      await this.#index.placeHere(uuid, this.#options.node)
      return true
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

  /** The keys of a room, and last its channel. */
  #keysOf(uuid: string): string[] {
    return ['room', 'tail', 'state', 'ids', 'news'].map((name) => `${this.#options.prefix}{${uuid}}:${name}`)
  }
}

/** A draft as the script `APPEND` takes it, but for its text. */
function argumentsOf(draft: Draft): string[] {
  const { term, id = '', state, bytes, at = '' } = draft
  return [String(term), id, state?.key ?? '', state?.retain ?? '', String(bytes), String(at)]
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
