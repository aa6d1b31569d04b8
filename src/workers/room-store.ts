import { SqliteLog, type SqliteLogOptions } from '../logs/sqlite.ts'
import type { EndReason } from '../protocol/codes.ts'
import { RoomError } from '../room/errors.ts'
import type { Appended, Draft, Follower, Ownership, RoomLog, Snapshot } from '../room/ports.ts'
import { ObjectSqliteDriver } from './sqlite-driver.ts'

/** A write is on disk before anybody hears of it, so no start of any machine costs one (`SqliteLog.takeUp`). */
const BOOT = 'object'

export interface RoomStoreOptions extends Pick<SqliteLogOptions, 'limits' | 'budget' | 'secrets' | 'onFailure'> {
  /** The room's alarm has to be set anew: its owner left at `ownerlessSince`, or is here. */
  readonly onOwner: (ownerlessSince: number | undefined) => void
  /** The room is over, and its storage is empty; with it the alarm is gone. */
  readonly onEmpty: () => void
}

/**
 * The log of the one room that an object is, in the object's own storage. There is storage only from when the room is opened
 * until it is over: who asks for rooms that do not exist leaves nothing behind.
 */
export class RoomStore implements RoomLog {
  readonly #storage: DurableObjectStorage
  readonly #options: RoomStoreOptions
  #log: SqliteLog | undefined

  constructor(storage: DurableObjectStorage, options: RoomStoreOptions) {
    this.#storage = storage
    this.#options = options
    const [table] = storage.sql.exec("SELECT 1 AS one FROM sqlite_master WHERE name = 'rooms'").toArray()
    if (table !== undefined) this.#log = this.#open()
  }

  /** The object has been started anew, and all lines with it: nobody is here since `now`. */
  async loseOwners(now: number): Promise<void> {
    this.#log?.loseOwners(now)
    await this.reportOwner()
  }

  /** An owner that left before `time` could not come back until `now`: it counts as gone since then (E2). */
  async excuse(time: number, now: number): Promise<void> {
    const since = await this.#log?.ownerlessSince()
    if (since !== undefined && since < time) this.#log?.takeUp(now, BOOT)
  }

  async reportOwner(): Promise<void> {
    if (this.#log !== undefined) this.#options.onOwner(await this.#log.ownerlessSince())
  }

  async create(uuid: string, ownerHash: string, leftAt?: number): Promise<void> {
    if (this.#log === undefined) {
      this.#log = this.#open()
      this.#log.takeUp(0, BOOT)
    }
    await this.#log.create(uuid, ownerHash, leftAt)
    this.#options.onOwner(leftAt)
  }

  async follow<F extends Follower>(uuid: string, begin: (snapshot: Snapshot) => F): Promise<F | undefined> {
    return this.#log?.follow(uuid, begin)
  }

  unfollow(uuid: string, follower: Follower): void {
    this.#log?.unfollow(uuid, follower)
  }

  async append(uuid: string, draft: Draft): Promise<Appended> {
    return this.#existing().append(uuid, draft)
  }

  async takeOver(uuid: string, keyHash: string, freshHash: string): Promise<Ownership | undefined> {
    return this.#log?.takeOver(uuid, keyHash, freshHash)
  }

  async offerHandover(uuid: string, term: number, keyHash: string): Promise<void> {
    await this.#existing().offerHandover(uuid, term, keyHash)
  }

  async ownerLeft(uuid: string, term: number, now: number): Promise<void> {
    await this.#log?.ownerLeft(uuid, term, now)
    await this.reportOwner()
  }

  async abandoned(time: number): Promise<readonly { readonly uuid: string; readonly term: number }[]> {
    return (await this.#log?.abandoned(time)) ?? []
  }

  async end(uuid: string, term: number, reason: EndReason): Promise<void> {
    const log = this.#log
    if (log === undefined) return
    await log.end(uuid, term, reason)
    if (this.#log !== log) return
    this.#log = undefined
    await log.close()
    await this.clear()
  }

  /** Deletes all that is stored, where there is no room. */
  async clear(): Promise<void> {
    if (this.#log !== undefined) return
    await this.#storage.deleteAlarm()
    await this.#storage.deleteAll()
    this.#options.onEmpty()
  }

  async close(): Promise<void> {
    await this.#log?.close()
  }

  #open(): SqliteLog {
    const { limits, budget, secrets, onFailure } = this.#options
    // An event is a turn of the object's: its requests are one transaction by the end of it.
    return new SqliteLog(new ObjectSqliteDriver(this.#storage), {
      limits,
      ...(budget && { budget }),
      maxRooms: 1,
      secrets,
      soon: (flush) => queueMicrotask(flush),
      onFailure,
    })
  }

  #existing(): SqliteLog {
    if (this.#log === undefined) throw new RoomError('room_not_found', 'there is no such room')
    return this.#log
  }
}
