import type { Budget } from './budget.ts'
import type { Room } from './room.ts'

/** Rooms that are kept with nobody in them, and their part of the budget. */
const KEPT = { rooms: 100, part: 1 / 8 }

/**
 * Rooms that emptied, kept for who comes back: to read one in costs as much as hundreds of joins. Each goes on following its
 * log. The ones that were left longest ago go first.
 */
export class IdleRooms {
  readonly #budget: Budget
  readonly #letGo: (room: Room) => void
  /** The one that was left or asked for last is the last. */
  readonly #rooms = new Map<string, Room>()

  /** `letGo` is called for each that is not to be held any more. */
  constructor(budget: Budget, letGo: (room: Room) => void) {
    this.#budget = budget
    this.#letGo = letGo
  }

  /** Those of them that nobody is in. */
  get size(): number {
    let size = 0
    for (const room of this.#rooms.values()) if (room.isEmpty) size++
    return size
  }

  keep(room: Room): void {
    this.#rooms.delete(room.uuid)
    this.#rooms.set(room.uuid, room)
    let weight = 0
    for (const { weight: more } of this.#rooms.values()) weight += more
    const most = this.#budget.isTight ? 0 : KEPT.part * this.#budget.limit
    for (const oldest of this.#rooms.values()) {
      if (this.#rooms.size <= KEPT.rooms && weight <= most) return
      weight -= oldest.weight
      this.#drop(oldest)
    }
  }

  /** Somebody has asked for it. */
  touch(uuid: string): void {
    const room = this.#rooms.get(uuid)
    if (room === undefined) return
    this.#rooms.delete(uuid)
    this.#rooms.set(uuid, room)
  }

  /** It has ended, or is not worth keeping. */
  forget(room: Room): void {
    if (this.#rooms.get(room.uuid) === room) this.#rooms.delete(room.uuid)
  }

  /** Little memory is left. */
  clear(): void {
    for (const room of this.#rooms.values()) this.#drop(room)
  }

  #drop(room: Room): void {
    this.#rooms.delete(room.uuid)
    if (room.isEmpty) this.#letGo(room)
  }
}
