import type { EndReason } from '../protocol/codes.ts'
import { type Bound, checkBounds, UNBOUNDED } from '../room/budget.ts'
import { RoomError } from '../room/errors.ts'
import type { RoomLimits } from '../room/limits.ts'
import type { Appended, Draft, Entry, Follower, Ownership, RoomLog, Secrets, Snapshot } from '../room/ports.ts'
import { Disk } from './disk.ts'
import { RoomReading } from './room-reading.ts'
import { RoomTable } from './room-table.ts'
import { migrate } from './schema.ts'
import type { SqlDriver } from './sql-driver.ts'

export interface SqliteLogOptions {
  readonly limits: RoomLimits
  /** Rooms at one time. */
  readonly maxRooms: number
  readonly secrets: Pick<Secrets, 'uuid'>
  /** Of what is held in memory; absent: unbounded. */
  readonly budget?: Bound
  /** Of all rooms together, on disk; absent: unbounded. */
  readonly diskBytes?: number
  /** Puts `flush` off until this turn of the event loop is over: what is asked for until then is one transaction. */
  readonly soon: (flush: () => void) => void
  /** Told of each failure of the database: its requests were refused, and all else goes on. */
  readonly onFailure: (error: unknown) => void
}

/** A request: what it does in the transaction, and what follows once that is committed. */
interface Request {
  /** Throws a `RoomError`, before it has changed anything, to be refused by itself. Anything else undoes the whole turn. */
  readonly work: () => () => void
  readonly reject: (error: unknown) => void
}

/** Entries of an ended room that are deleted in one turn. */
const PURGE = 500

/**
 * Rooms in an embedded SQLite database. All requests of one turn of the event loop are one transaction, and nobody hears of
 * any of them before it is committed: what that survives is the driver's word.
 */
export class SqliteLog implements RoomLog {
  readonly #driver: SqlDriver
  readonly #options: SqliteLogOptions
  readonly #disk: Disk
  readonly #table: RoomTable
  readonly #followers = new Map<string, Follower>()
  #requests: Request[] = []
  #isScheduled = false
  #isClosed = false
  #hasEnded: boolean
  /** Rooms have ended since what was free was given back. */
  #isUntidy = true

  /** Throws an `Error` that says what is wrong with the database. */
  constructor(driver: SqlDriver, options: SqliteLogOptions) {
    migrate(driver)
    this.#driver = driver
    this.#options = options
    const { limits, budget = UNBOUNDED, diskBytes = Infinity } = options
    this.#disk = new Disk(driver, diskBytes)
    this.#table = new RoomTable(driver, limits, { memory: budget, disk: this.#disk })
    this.#hasEnded = true
    this.#schedule()
  }

  /**
   * A new process takes up the rooms: nobody could come back until `now`, and all owners count as gone since then (E2). Where
   * the machine itself has started anew (`boot` names this start), commits that were not synced may be gone: then the epochs
   * change, so that nobody is taken up at a place that is another's by now (R5). Throws as the driver does.
   */
  takeUp(now: number, boot: string): void {
    this.#driver.transaction(() => this.#table.takeUp(now, boot))
  }

  /** All lines are gone, and with them the owners that were here, since `now`. Throws as the driver does. */
  loseOwners(now: number): void {
    this.#driver.transaction(() => this.#table.loseOwners(now))
  }

  create(uuid: string, ownerHash: string, leftAt?: number): Promise<void> {
    const { maxRooms, secrets } = this.#options
    return this.#request(() => {
      if (this.#table.count() >= maxRooms) {
        throw new RoomError('server_full', `the server is full: at most ${maxRooms} rooms`, { limit: maxRooms })
      }
      checkBounds('server_full', this.#disk)
      this.#table.insert(uuid, secrets.uuid(), ownerHash, leftAt ?? null)
      return () => undefined
    })
  }

  async follow<F extends Follower>(uuid: string, begin: (snapshot: Snapshot) => F): Promise<F | undefined> {
    const reading = new RoomReading(this.#table, uuid)
    for (;;) {
      const read = await this.#request(() => {
        const page = reading.next()
        return () => (typeof page === 'string' ? page : { follower: this.#begin(uuid, begin(page)) })
      })
      if (read === 'gone') return undefined
      if (read !== 'more') return read.follower
    }
  }

  unfollow(uuid: string, follower: Follower): void {
    if (this.#followers.get(uuid) === follower) this.#followers.delete(uuid)
  }

  append(uuid: string, draft: Draft): Promise<Appended> {
    return this.#request(() => {
      const room = this.#table.owned(uuid, draft.term)
      const known = this.#table.seqOf(room, draft.id)
      if (known !== undefined) {
        this.#table.spoke(room, draft)
        return () => ({ seq: known })
      }
      const entry: Entry = this.#table.append(room, draft)
      return () => {
        this.#followers.get(uuid)?.published(entry)
        return { seq: entry.seq }
      }
    })
  }

  takeOver(uuid: string, keyHash: string, freshHash: string): Promise<Ownership | undefined> {
    return this.#request(() => {
      const taken = this.#table.takeOver(uuid, keyHash, freshHash)
      return () => {
        if (taken === undefined) return undefined
        const { ownership, isNewOwner } = taken
        this.#followers.get(uuid)?.presence({ here: true, term: ownership.term, handedOver: isNewOwner })
        return ownership
      }
    })
  }

  offerHandover(uuid: string, term: number, keyHash: string): Promise<void> {
    return this.#request(() => {
      this.#table.offerHandover(this.#table.owned(uuid, term), term, keyHash)
      return () => undefined
    })
  }

  ownerLeft(uuid: string, term: number, now: number): Promise<void> {
    return this.#request(() => {
      const present = this.#table.ownerLeft(uuid, term, now)
      return () => {
        if (present !== undefined) this.#followers.get(uuid)?.presence({ here: false, term: present })
      }
    })
  }

  abandoned(time: number): Promise<{ uuid: string; term: number }[]> {
    return this.#request(() => {
      const rooms = this.#table.abandoned(time)
      return () => rooms
    })
  }

  /** When the owner left that has been away longest of all; undefined: all are here. For who sets an alarm on it. */
  ownerlessSince(): Promise<number | undefined> {
    return this.#request(() => {
      const since = this.#table.ownerlessSince()
      return () => since
    })
  }

  end(uuid: string, term: number, reason: EndReason): Promise<void> {
    return this.#request(() => {
      if (!this.#table.exists(uuid)) return () => undefined
      this.#table.delete(this.#table.owned(uuid, term))
      return () => {
        this.#hasEnded = true
        this.#isUntidy = true
        this.#followers.get(uuid)?.ended(reason)
        this.#followers.delete(uuid)
      }
    })
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#flush()
    this.#isClosed = true
    this.#driver.close()
  }

  /** `work` runs in the turn's transaction; what it returns runs, and is what the promise gets, once that is committed. */
  #request<T>(work: () => () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(unavailable())
      this.#requests.push({
        work: () => {
          const follow = work()
          return () => resolve(follow())
        },
        reject,
      })
      this.#schedule()
    })
  }

  #begin<F extends Follower>(uuid: string, follower: F): F {
    this.#followers.set(uuid, follower)
    return follower
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#options.soon(() => {
      this.#isScheduled = false
      if (!this.#isClosed) this.#flush()
    })
  }

  #flush(): void {
    const requests = this.#requests.splice(0)
    const outcomes: (() => void)[] = []
    try {
      this.#driver.transaction(() => {
        for (const request of requests) outcomes.push(outcomeOf(request))
        this.#table.save()
        if (this.#hasEnded) this.#hasEnded = this.#table.purge(PURGE)
      })
      if (requests.length === 0 && !this.#hasEnded && this.#isUntidy) this.#isUntidy = this.#driver.tidy?.() ?? false
    } catch (error) {
      // Nothing of this turn has happened: who asked is told, and may ask again.
      this.#table.forget()
      this.#options.onFailure(error)
      for (const { reject } of requests) reject(unavailable())
      return
    }
    for (const outcome of outcomes) outcome()
    // What is not urgent is done in a turn in which nothing is asked for.
    if (this.#hasEnded || this.#isUntidy) this.#schedule()
  }
}

function outcomeOf({ work, reject }: Request): () => void {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof RoomError)) throw error
    return () => reject(error)
  }
}

function unavailable(): RoomError {
  return new RoomError('log_unavailable', 'the rooms cannot be written or read at the moment', { retryAfter: 1000 })
}
