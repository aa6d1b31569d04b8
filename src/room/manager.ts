import { isUuid } from '../protocol/messages.ts'
import { BroadcastRates } from './broadcast-rate.ts'
import { checkBounds } from './budget.ts'
import { Departures } from './departures.ts'
import type { RoomHouse } from './house.ts'
import { IdleRooms } from './idle-rooms.ts'
import { readQuestion } from './questions.ts'
import { Relief } from './relief.ts'
import { Room } from './room.ts'

/** What it took to become a room's owner. */
export interface Owned {
  readonly room: Room
  readonly term: number
  /** A key that was made just now, for the owner to keep; absent when it has used its own. */
  readonly ownerKey?: string
}

/** A room that is held, from when it is first asked for. */
interface Held {
  room: Promise<Room | undefined>
  /** The same, once it is there. */
  made: Room | undefined
}

/** The rooms that this server holds, which are those that somebody is in, and some that emptied; owner keys; expiry. */
export class Manager {
  readonly #house: RoomHouse
  readonly #rooms = new Map<string, Held>()
  readonly #departures: Departures
  readonly #rates: BroadcastRates
  readonly #idle: IdleRooms

  constructor(house: RoomHouse) {
    this.#house = house
    this.#departures = new Departures(house.log, house.clock)
    this.#rates = new BroadcastRates(house.clock, house.limits)
    this.#idle = new IdleRooms(house.budget, (room) => this.#letGo(room))
    // It lives as long as the budget, which calls it.
    new Relief(
      house.budget,
      house.clock,
      () => this.#made(),
      () => this.#idle.clear(),
    )
  }

  /** Rooms that somebody is in, or is about to be. */
  get size(): number {
    return this.#rooms.size - this.#idle.size
  }

  /** Rooms that are held with nobody in them. */
  get idle(): number {
    return this.#idle.size
  }

  /** Opens a new room (O1). Rejects with `server_full`, `log_unavailable`. */
  async open(): Promise<Owned> {
    const { log, secrets, budget } = this.#house
    checkBounds('server_full', budget)
    const uuid = secrets.uuid()
    const ownerKey = secrets.key()
    await log.create(uuid, await secrets.hash(ownerKey))
    const room = await this.#owned(uuid, 1)
    if (room === undefined) throw new Error('a room was gone as soon as it was made')
    return { room, term: 1, ownerKey }
  }

  /**
   * Opens a room that nobody is in: it waits for its owner for the grace time, as if that had just left (E2). Rejects with
   * `server_full`, `log_unavailable`.
   */
  async create(): Promise<{ readonly uuid: string; readonly ownerKey: string }> {
    const { log, secrets, clock, budget } = this.#house
    checkBounds('server_full', budget)
    const uuid = secrets.uuid()
    const ownerKey = secrets.key()
    await log.create(uuid, await secrets.hash(ownerKey), clock.now())
    return { uuid, ownerKey }
  }

  /** The room, or undefined where there is none (J2). What its log has is in it, or it is stale. Rejects with `server_full`. */
  async room(uuid: string): Promise<Room | undefined> {
    if (!isUuid(uuid)) return undefined
    const name = uuid.toLowerCase()
    const { log, budget } = this.#house
    for (;;) {
      const known = this.#rooms.get(name)
      if (known === undefined) {
        checkBounds('server_full', budget)
        return this.#hold(name).room
      }
      this.#idle.touch(name)
      const room = await known.room
      if (log.level === undefined || room === undefined) return room
      await log.level(name)
      // It may have been let go of meanwhile.
      if (this.#rooms.get(name) === known) return room
    }
  }

  /** Takes a room back with its owner's key, or with that of a handover (O2). Undefined: refused, and nothing has changed. Rejects with `server_full`. */
  async takeBack(uuid: string, key: string): Promise<Owned | undefined> {
    const { log, secrets, budget } = this.#house
    // Before anything has changed: there is no place to read it in to.
    if (!this.#rooms.has(uuid.toLowerCase())) checkBounds('server_full', budget)
    const freshKey = secrets.key()
    const [hash, freshHash] = await Promise.all([secrets.hash(key), secrets.hash(freshKey)])
    const ownership = await log.takeOver(uuid.toLowerCase(), hash, freshHash)
    if (ownership === undefined) return undefined
    const room = await this.#owned(uuid, ownership.term)
    if (room === undefined) return undefined
    return { room, term: ownership.term, ...(ownership.handedOver && { ownerKey: freshKey }) }
  }

  /**
   * Answers what another node asks a room that is held here; undefined where it is not. Never rejects, and makes no room be
   * held.
   */
  async answer(from: string, uuid: string, text: string): Promise<string | undefined> {
    try {
      const question = readQuestion(text)
      const room = question && (await this.#rooms.get(uuid)?.room)
      if (room === undefined || room.hasEnded) return undefined
      return JSON.stringify(await room.answer(from, question!))
    } catch {
      // Who asks takes no answer for an answer; what failed here is told to those whom it concerns here.
      return undefined
    }
  }

  /** Ends the rooms whose grace time is over, where owners could come back all the time since `watchedSince` (E2). */
  async expire(watchedSince = 0): Promise<void> {
    const { log, clock, limits } = this.#house
    this.#rates.forget((uuid) => this.#rooms.has(uuid))
    const limit = clock.now() - limits.grace
    // The log is asked all the same: it may have to look after what it knows of other nodes.
    const abandoned = await log.abandoned(watchedSince > limit ? 0 : limit)
    // Where one fails, the owner came back in between, or the log is out of reach: the next round will see.
    await Promise.allSettled(abandoned.map(({ uuid, term }) => log.end(uuid, term, 'room_abandoned')))
  }

  /** The owner of `term`, whom the log has let in, is in no room here. */
  ownerLost(uuid: string, term: number): void {
    this.#departures.tell(uuid, term)
  }

  /** The server stops: nothing is tried again from now on. */
  close(): void {
    this.#departures.close()
  }

  /** A room whose log takes its owner to be here: if it cannot be had, nobody else would ever say that the owner is not. */
  async #owned(uuid: string, term: number): Promise<Room | undefined> {
    const name = uuid.toLowerCase()
    // It is level: the log has just let the owner in.
    const room = await (this.#rooms.get(name) ?? this.#hold(name)).room.catch((error) => {
      this.#departures.tell(name, term)
      throw error
    })
    if (room === undefined) this.#departures.tell(name, term)
    return room
  }

  #hold(uuid: string): Held {
    const held: Held = { room: Promise.resolve(undefined), made: undefined }
    this.#rooms.set(uuid, held)
    held.room = this.#follow(uuid, held)
    return held
  }

  async #follow(uuid: string, held: Held): Promise<Room | undefined> {
    try {
      const room = await this.#house.log.follow(uuid, (snapshot) => {
        const room: Room = new Room(uuid, snapshot, this.#house, {
          done: () => this.#releaseSoon(uuid, held, room),
          unheard: () => this.#letGoSoon(room),
          rate: this.#rates.of(uuid),
          ownerLeft: (term) => this.#departures.tell(uuid, term),
        })
        held.made = room
        return room
      })
      if (room === undefined || room.isEmpty) this.#releaseSoon(uuid, held, room)
      return room
    } catch (error) {
      this.#drop(uuid, held)
      throw error
    }
  }

  /** Not at once: whoever has just been given the room is about to enter it. */
  #releaseSoon(uuid: string, held: Held, room: Room | undefined): void {
    this.#house.clock.soon(() => {
      if (room === undefined) return this.#drop(uuid, held)
      if (room.hasEnded) return this.#letGo(room)
      if (room.isEmpty && held.made === room && this.#rooms.get(uuid) === held) this.#idle.keep(room)
    })
  }

  #letGoSoon(room: Room): void {
    this.#house.clock.soon(() => {
      if (room.isEmpty) this.#letGo(room)
    })
  }

  #letGo(room: Room): void {
    this.#idle.forget(room)
    this.#house.log.unfollow(room.uuid, room)
    room.release()
    const held = this.#rooms.get(room.uuid)
    if (held?.made === room) this.#drop(room.uuid, held)
  }

  *#made(): Generator<Room> {
    for (const { made } of this.#rooms.values()) if (made !== undefined) yield made
  }

  /** By now there may be another of its name. */
  #drop(uuid: string, held: Held): void {
    if (this.#rooms.get(uuid) === held) this.#rooms.delete(uuid)
  }
}
