import { isUuid } from '../protocol/messages.ts'
import { ownerLeft, type RoomHouse } from './house.ts'
import { readQuestion } from './questions.ts'
import { Room } from './room.ts'

/** What it took to become a room's owner. */
export interface Owned {
  readonly room: Room
  readonly term: number
  /** A key that was made just now, for the owner to keep; absent when it has used its own. */
  readonly ownerKey?: string
}

/** The rooms that this server holds, which are those that somebody is in; owner keys; expiry. */
export class Manager {
  readonly #house: RoomHouse
  readonly #rooms = new Map<string, Promise<Room | undefined>>()

  constructor(house: RoomHouse) {
    this.#house = house
  }

  /** Rooms held at the moment. */
  get size(): number {
    return this.#rooms.size
  }

  /** Opens a new room (O1). Rejects with `server_full`, `log_unavailable`. */
  async open(): Promise<Owned> {
    const { log, secrets } = this.#house
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
    const { log, secrets, clock } = this.#house
    const uuid = secrets.uuid()
    const ownerKey = secrets.key()
    await log.create(uuid, await secrets.hash(ownerKey))
    await log.ownerLeft(uuid, 1, clock.now())
    return { uuid, ownerKey }
  }

  /** The room, or undefined where there is none (J2). */
  async room(uuid: string): Promise<Room | undefined> {
    if (!isUuid(uuid)) return undefined
    const name = uuid.toLowerCase()
    let held = this.#rooms.get(name)
    if (held === undefined) {
      held = this.#hold(name)
      this.#rooms.set(name, held)
    }
    return held
  }

  /** Takes a room back with its owner's key, or with that of a handover (O2). Undefined: refused, and nothing has changed. */
  async takeBack(uuid: string, key: string): Promise<Owned | undefined> {
    const { log, secrets } = this.#house
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
      const room = question && (await this.#rooms.get(uuid))
      if (room === undefined || room.hasEnded) return undefined
      return JSON.stringify(await room.answer(from, question!))
    } catch {
      // Who asks takes no answer for an answer; what failed here is told to those whom it concerns here.
      return undefined
    }
  }

  /** Ends the rooms whose grace time is over (E2). */
  async expire(): Promise<void> {
    const { log, clock, limits } = this.#house
    const abandoned = await log.abandoned(clock.now() - limits.grace)
    // The owner came back in between, or the log is out of reach: the next round will see.
    await Promise.allSettled(abandoned.map(({ uuid, term }) => log.end(uuid, term, 'room_abandoned')))
  }

  /** A room whose log takes its owner to be here: if it cannot be had, nobody else would ever say that the owner is not. */
  async #owned(uuid: string, term: number): Promise<Room | undefined> {
    const room = await this.room(uuid).catch((error) => {
      ownerLeft(this.#house, uuid.toLowerCase(), term)
      throw error
    })
    if (room === undefined) ownerLeft(this.#house, uuid.toLowerCase(), term)
    return room
  }

  async #hold(uuid: string): Promise<Room | undefined> {
    const { log } = this.#house
    try {
      const room = await log.follow(uuid, (snapshot) => {
        const room: Room = new Room(uuid, snapshot, this.#house, () => this.#releaseSoon(uuid, room))
        return room
      })
      if (room === undefined || room.isEmpty) this.#releaseSoon(uuid, room)
      return room
    } catch (error) {
      this.#rooms.delete(uuid)
      throw error
    }
  }

  /** Not at once: whoever has just been given the room is about to enter it. */
  #releaseSoon(uuid: string, room: Room | undefined): void {
    this.#house.clock.soon(() => {
      if (room !== undefined && !room.isEmpty && !room.hasEnded) return
      if (!room?.hasEnded) this.#house.log.unfollow(uuid)
      this.#rooms.delete(uuid)
    })
  }
}
