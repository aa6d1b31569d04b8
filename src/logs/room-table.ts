import type { Retain } from '../protocol/messages.ts'
import { type Bound, checkBounds } from '../room/budget.ts'
import { RoomError } from '../room/errors.ts'
import type { RoomLimits } from '../room/limits.ts'
import type { Draft, Entry, Ownership } from '../room/ports.ts'
import { isSameSecret } from '../room/secret.ts'
import { checkState } from '../room/state.ts'
import { scant, type TailLimits } from '../room/tail.ts'
import type { Disk } from './disk.ts'
import type { SqlDriver, SqlRow } from './sql-driver.ts'

/** A row of `rooms`, read once a transaction and written back at its end. */
export interface RoomRow {
  readonly id: number
  readonly uuid: string
  readonly epoch: string
  seq: number
  term: number
  ownerHash: string
  handoverHash: string | null
  /** The key of a handover that the owner came with, while it may not have got its own. */
  usedHash: string | null
  ownerLeftAt: number | null
  stateEntries: number
  stateBytes: number
  tailFirst: number
  tailBytes: number
}

const ENTRY = 'seq, term, id, key, retain, echo, body, bytes'

/** Left to itself, the planner takes the primary key, and reads all of a room's tail to find what is stored under a key. */
const STATE_INDEX = 'INDEXED BY entries_state'

/** Rooms that are ended at one time for having no owner. */
const ABANDONED = 1000

/** What bounds all rooms together. */
export interface TableBounds {
  readonly memory: Bound
  readonly disk: Disk
}

/** The SQL of the rooms: the only place where there is any, beside the schema. To be used inside a transaction. */
export class RoomTable {
  readonly #driver: SqlDriver
  readonly #limits: RoomLimits
  readonly #bounds: TableBounds
  /** The rooms that this transaction has to do with, and those of them that it changes. */
  readonly #rows = new Map<string, RoomRow>()
  readonly #changed = new Set<RoomRow>()
  #count: number | undefined

  constructor(driver: SqlDriver, limits: RoomLimits, bounds: TableBounds) {
    this.#driver = driver
    this.#limits = limits
    this.#bounds = bounds
  }

  takeUp(now: number, boot: string): void {
    this.#driver.run('UPDATE rooms SET owner_left_at = ?', now)
    // Written even when nothing has changed, so that a file that cannot be written is found out now.
    this.#driver.run('UPDATE lives SET life = life + (boot <> ?), boot = ?', boot, boot)
  }

  loseOwners(now: number): void {
    this.#driver.run('UPDATE rooms SET owner_left_at = ? WHERE owner_left_at IS NULL', now)
  }

  count(): number {
    this.#count ??= Number(this.#driver.all('SELECT count(*) AS count FROM rooms')[0]!.count)
    return this.#count
  }

  insert(uuid: string, epoch: string, ownerHash: string, leftAt: number | null): void {
    const insert = 'INSERT INTO rooms (uuid, epoch, owner_hash, owner_left_at) VALUES (?, ?, ?, ?)'
    this.#driver.run(insert, uuid, epoch, ownerHash, leftAt)
    this.#count = this.count() + 1
  }

  exists(uuid: string): boolean {
    return this.find(uuid) !== undefined
  }

  /** Throws `room_not_found`, `displaced`. */
  owned(uuid: string, term: number): RoomRow {
    const room = this.find(uuid)
    if (room === undefined) throw new RoomError('room_not_found', 'there is no such room')
    if (term < room.term) throw new RoomError('displaced', 'another owner has taken the room')
    return room
  }

  seqOf(room: RoomRow, id: string | undefined): number | undefined {
    if (id === undefined) return undefined
    const [found] = this.#driver.all('SELECT seq FROM entries WHERE room = ? AND id = ?', room.id, id)
    return found && Number(found.seq)
  }

  /** The owner of `term` has said something: it has its own key. Who needs none has, at `at`: it puts off when the owner left. */
  spoke(room: RoomRow, { term, at }: Pick<Draft, 'term' | 'at'>): void {
    if (term === room.term) room.usedHash = null
    else if (at !== undefined && room.ownerLeftAt !== null) room.ownerLeftAt = Math.max(room.ownerLeftAt, at)
    else return
    this.#changed.add(room)
  }

  /** Throws `state_full`. */
  append(room: RoomRow, draft: Draft): Entry {
    this.#makePlace(room, draft)
    this.spoke(room, draft)
    this.#changed.add(room)
    const entry: Entry = { ...draft, seq: ++room.seq }
    const { seq, term, id, state, echo, body, bytes } = entry
    const isState = state !== undefined && state.retain !== 'clear'
    this.#driver.run(
      `INSERT INTO entries (room, ${ENTRY}, is_state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      room.id,
      seq,
      term,
      id ?? null,
      state?.key ?? null,
      state?.retain ?? null,
      echo ? 1 : null,
      body,
      bytes,
      isState ? 1 : 0,
    )
    room.tailBytes += bytes
    this.#bounds.disk.wrote(bytes)
    const { tailEntries, tailBytes } = this.#tailLimits()
    // Seldom, and then by the half.
    if (seq - room.tailFirst >= 2 * tailEntries || room.tailBytes > 2 * tailBytes) this.#trim(room)
    return entry
  }

  /** The room's broadcasts after `seq`, in their order, at most `limit`: those that are stored, and those of the tail. */
  rows(room: RoomRow, seq: number, limit: number): { readonly entry: Entry; readonly isState: boolean }[] {
    return this.#driver
      .all(
        `SELECT ${ENTRY}, is_state FROM entries WHERE room = ? AND seq > ? ORDER BY seq LIMIT ?`,
        room.id,
        seq,
        limit,
      )
      .map((row) => ({ entry: entryOf(row), isState: row.is_state === 1 }))
  }

  takeOver(
    uuid: string,
    keyHash: string,
    freshHash: string,
  ): { ownership: Ownership; isNewOwner: boolean } | undefined {
    const room = this.find(uuid)
    // All compared, and something even where there is no room: the answer takes the same time (O2).
    const isOwner = isSameSecret(keyHash, room?.ownerHash ?? '')
    const isHeir = isSameSecret(keyHash, room?.handoverHash ?? '')
    const isHeirAgain = isSameSecret(keyHash, room?.usedHash ?? '')
    if (room === undefined || !(isOwner || isHeir || isHeirAgain)) return undefined
    if (!isOwner) room.ownerHash = freshHash
    room.usedHash = isOwner ? null : keyHash
    this.#changed.add(room)
    room.handoverHash = null
    room.term++
    room.ownerLeftAt = null
    return { ownership: { term: room.term, handedOver: !isOwner }, isNewOwner: isHeir }
  }

  offerHandover(room: RoomRow, term: number, keyHash: string): void {
    this.spoke(room, { term })
    this.#changed.add(room)
    room.handoverHash = keyHash
  }

  /** The room's term, or undefined when `term` is an old one, or there is no such room. */
  ownerLeft(uuid: string, term: number, now: number): number | undefined {
    const room = this.find(uuid)
    if (room === undefined || term < room.term) return undefined
    this.#changed.add(room)
    room.ownerLeftAt = now
    return room.term
  }

  abandoned(time: number): { uuid: string; term: number }[] {
    this.save()
    return this.#driver
      .all('SELECT uuid, term FROM rooms WHERE owner_left_at <= ? ORDER BY owner_left_at LIMIT ?', time, ABANDONED)
      .map(({ uuid, term }) => ({ uuid: String(uuid), term: Number(term) }))
  }

  ownerlessSince(): number | undefined {
    this.save()
    const [first] = this.#driver.all('SELECT min(owner_left_at) AS at FROM rooms')
    return (first!.at as number | null) ?? undefined
  }

  delete(room: RoomRow): void {
    this.#rows.delete(room.uuid)
    this.#changed.delete(room)
    this.#driver.run('DELETE FROM rooms WHERE id = ?', room.id)
    this.#driver.run('INSERT INTO ended VALUES (?)', room.id)
    this.#count = this.count() - 1
  }

  /** Deletes up to `limit` entries of rooms that ended. True: there is more to do. */
  purge(limit: number): boolean {
    const [ended] = this.#driver.all('SELECT room FROM ended LIMIT 1')
    if (ended === undefined) return false
    const room = Number(ended.room)
    this.#driver.run(
      'DELETE FROM entries WHERE room = ? AND seq IN (SELECT seq FROM entries WHERE room = ? LIMIT ?)',
      room,
      room,
      limit,
    )
    const [left] = this.#driver.all('SELECT 1 AS one FROM entries WHERE room = ? LIMIT 1', room)
    if (left === undefined) this.#driver.run('DELETE FROM ended WHERE room = ?', room)
    return true
  }

  /** Writes back what has changed of the rooms. */
  save(): void {
    for (const room of this.#changed) {
      this.#driver.run(
        `UPDATE rooms SET seq = ?, term = ?, owner_hash = ?, handover_hash = ?, used_hash = ?, owner_left_at = ?,
          state_entries = ?, state_bytes = ?, tail_first = ?, tail_bytes = ? WHERE id = ?`,
        room.seq,
        room.term,
        room.ownerHash,
        room.handoverHash,
        room.usedHash,
        room.ownerLeftAt,
        room.stateEntries,
        room.stateBytes,
        room.tailFirst,
        room.tailBytes,
        room.id,
      )
    }
    this.#rows.clear()
    this.#changed.clear()
  }

  /** The transaction was undone. */
  forget(): void {
    this.#rows.clear()
    this.#changed.clear()
    this.#count = undefined
  }

  find(uuid: string): RoomRow | undefined {
    const held = this.#rows.get(uuid)
    if (held !== undefined) return held
    const [found] = this.#driver.all('SELECT rooms.*, life FROM rooms, lives WHERE uuid = ?', uuid)
    if (found === undefined) return undefined
    const row = rowOf(found)
    this.#rows.set(uuid, row)
    return row
  }

  /** Takes away what `draft` replaces in the state, if with it the state is within its limits. */
  #makePlace(room: RoomRow, { state, bytes }: Draft): void {
    if (state === undefined) return
    const replaced = state.retain === 'append' ? NOTHING : this.#storedUnder(room, state.key)
    const adds = state.retain === 'clear' ? NOTHING : { entries: 1, bytes }
    const entries = room.stateEntries - replaced.entries + adds.entries
    const size = room.stateBytes - replaced.bytes + adds.bytes
    if (state.retain !== 'clear') {
      checkState(this.#limits, entries, size)
      if (size > room.stateBytes) checkBounds('state_full', this.#bounds.memory, this.#bounds.disk)
    }
    if (replaced.entries > 0) {
      const stored = 'room = ? AND key = ? AND is_state = 1'
      this.#driver.run(
        `DELETE FROM entries ${STATE_INDEX} WHERE ${stored} AND seq < ?`,
        room.id,
        state.key,
        room.tailFirst,
      )
      this.#driver.run(`UPDATE entries ${STATE_INDEX} SET is_state = 0 WHERE ${stored}`, room.id, state.key)
    }
    room.stateEntries = entries
    room.stateBytes = size
  }

  #storedUnder(room: RoomRow, key: string): { entries: number; bytes: number } {
    const [sum] = this.#driver.all(
      `SELECT count(*) AS entries, total(bytes) AS bytes FROM entries ${STATE_INDEX}
        WHERE room = ? AND key = ? AND is_state = 1`,
      room.id,
      key,
    )
    return { entries: Number(sum!.entries), bytes: Number(sum!.bytes) }
  }

  /** Where little is left on the disk, less is kept of what only helps who was away. */
  #tailLimits(): TailLimits {
    return this.#bounds.disk.isTight ? scant(this.#limits) : this.#limits
  }

  #trim(room: RoomRow): void {
    const { tailEntries, tailBytes } = this.#tailLimits()
    const newest = this.#driver.all(
      'SELECT seq, bytes FROM entries WHERE room = ? AND seq > ? ORDER BY seq DESC',
      room.id,
      room.seq - tailEntries,
    )
    room.tailFirst = room.seq + 1
    room.tailBytes = 0
    for (const { seq, bytes } of newest) {
      if (room.tailBytes + Number(bytes) > tailBytes) break
      room.tailBytes += Number(bytes)
      room.tailFirst = Number(seq)
    }
    this.#driver.run('DELETE FROM entries WHERE room = ? AND seq < ? AND is_state = 0', room.id, room.tailFirst)
  }
}

const NOTHING = { entries: 0, bytes: 0 }

function rowOf(row: SqlRow): RoomRow {
  return {
    id: Number(row.id),
    uuid: String(row.uuid),
    epoch: `${row.epoch}.${row.life}`,
    seq: Number(row.seq),
    term: Number(row.term),
    ownerHash: String(row.owner_hash),
    handoverHash: row.handover_hash as string | null,
    usedHash: row.used_hash as string | null,
    ownerLeftAt: row.owner_left_at as number | null,
    stateEntries: Number(row.state_entries),
    stateBytes: Number(row.state_bytes),
    tailFirst: Number(row.tail_first),
    tailBytes: Number(row.tail_bytes),
  }
}

function entryOf({ seq, term, id, key, retain, echo, body, bytes }: SqlRow): Entry {
  return {
    term: Number(term),
    id: id === null ? undefined : String(id),
    state: key === null ? undefined : { key: String(key), retain: retain as Retain },
    echo: echo === null ? undefined : true,
    body: String(body),
    bytes: Number(bytes),
    seq: Number(seq),
  }
}
