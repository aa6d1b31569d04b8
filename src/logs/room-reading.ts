import type { Entry, Snapshot } from '../room/ports.ts'
import type { RoomRow, RoomTable } from './room-table.ts'

/** Rows that are read in one turn, and about how many bytes of bodies: 2 ms. */
const PAGE = { rows: 500, bytes: 1024 * 1024 }

/** Times that reading begins anew because the tail was trimmed under it; then all is read in one turn. */
const TRIES = 3

/**
 * Reads a room a page a turn, while it goes on changing. What was read and is replaced later is seen to be so by what replaced
 * it, which is read last. Each call of `next` belongs into a transaction of its own.
 */
export class RoomReading {
  readonly #table: RoomTable
  readonly #uuid: string
  #room: number | undefined
  #tries = 0
  /** The room's seq when reading began: up to it, it is read by pages. */
  #begun = 0
  /** The seq up to which it is read. */
  #read = 0
  #state: Entry[] = []
  #tail: Entry[] = []
  /** Of the keys that were replaced or cleared since reading began, the seq of the newest that did so. */
  readonly #replaced = new Map<string, number>()

  constructor(table: RoomTable, uuid: string) {
    this.#table = table
    this.#uuid = uuid
  }

  /** Reads a page more. `more`: there is another; `gone`: there is no such room. */
  next(): Snapshot | 'more' | 'gone' {
    const room = this.#table.find(this.#uuid)
    if (room === undefined) return 'gone'
    if (room.id !== this.#room || room.tailFirst > Math.max(this.#read, this.#begun) + 1) this.#begin(room)
    const isLast = this.#read >= this.#begun || this.#tries > TRIES
    const limit = isLast ? Number.MAX_SAFE_INTEGER : pageOf(room)
    const rows = this.#table.rows(room, this.#read, limit)
    for (const { entry, isState } of rows) this.#take(entry, isState, room)
    return rows.length < limit ? this.#snapshot(room) : 'more'
  }

  #begin(room: RoomRow): void {
    this.#tries++
    this.#room = room.id
    this.#begun = room.seq
    this.#read = 0
    this.#state = []
    this.#tail = []
    this.#replaced.clear()
  }

  #take(entry: Entry, isState: boolean, { tailFirst }: RoomRow): void {
    const { seq, state } = entry
    this.#read = seq
    if (isState) this.#state.push(entry)
    if (seq >= tailFirst) this.#tail.push(entry)
    if (seq > this.#begun && state !== undefined && state.retain !== 'append') this.#replaced.set(state.key, seq)
  }

  #snapshot({ epoch, seq, term, ownerLeftAt, tailFirst }: RoomRow): Snapshot {
    const isStored = (entry: Entry) => entry.seq >= (this.#replaced.get(entry.state!.key) ?? 0)
    return {
      epoch,
      seq,
      term,
      ownerHere: ownerLeftAt === null,
      state: this.#replaced.size === 0 ? this.#state : this.#state.filter(isStored),
      tail: this.#tail.filter((entry) => entry.seq >= tailFirst),
    }
  }
}

/** Rows of a page, by what those of the room have on average. */
function pageOf({ seq, tailFirst, stateEntries, stateBytes, tailBytes }: RoomRow): number {
  const entries = stateEntries + seq - tailFirst + 1
  const average = (stateBytes + tailBytes) / Math.max(entries, 1)
  return Math.max(1, Math.min(PAGE.rows, Math.floor(PAGE.bytes / Math.max(average, 1))))
}
