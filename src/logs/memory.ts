import type { EndReason } from '../protocol/codes.ts'
import { RoomError } from '../room/errors.ts'
import type { RoomLimits } from '../room/limits.ts'
import type { Appended, Draft, Entry, Follower, Ownership, RoomLog, Secrets, Snapshot } from '../room/ports.ts'
import { isSameSecret } from '../room/secret.ts'
import { State } from '../room/state.ts'

interface Kept {
  readonly epoch: string
  seq: number
  term: number
  ownerHash: string
  handoverHash: string | undefined
  /** The key of a handover that the owner came with, while it may not have got its own. */
  usedHash: string | undefined
  /** Undefined while the owner is here. */
  ownerLeftAt: number | undefined
  readonly state: State
  tail: Entry[]
  tailBytes: number
  readonly seqOfId: Map<string, number>
  follower: Follower | undefined
}

export interface MemoryLogOptions {
  readonly limits: RoomLimits
  /** Rooms at one time. */
  readonly maxRooms: number
  readonly secrets: Pick<Secrets, 'uuid'>
}

/** Rooms in this process's memory: they end with it. What is acknowledged is safe from everything but that. */
export class MemoryLog implements RoomLog {
  readonly #options: MemoryLogOptions
  readonly #rooms = new Map<string, Kept>()
  readonly #ownerless = new Set<string>()

  constructor(options: MemoryLogOptions) {
    this.#options = options
  }

  async create(uuid: string, ownerHash: string, leftAt?: number): Promise<void> {
    const { limits, maxRooms, secrets } = this.#options
    if (this.#rooms.size >= maxRooms) {
      throw new RoomError('server_full', `the server is full: at most ${maxRooms} rooms`, { limit: maxRooms })
    }
    this.#rooms.set(uuid, {
      epoch: secrets.uuid(),
      seq: 0,
      term: 1,
      ownerHash,
      handoverHash: undefined,
      usedHash: undefined,
      ownerLeftAt: leftAt,
      state: new State(limits),
      tail: [],
      tailBytes: 0,
      seqOfId: new Map(),
      follower: undefined,
    })
    if (leftAt !== undefined) this.#ownerless.add(uuid)
  }

  async follow<F extends Follower>(uuid: string, begin: (snapshot: Snapshot) => F): Promise<F | undefined> {
    const room = this.#rooms.get(uuid)
    if (room === undefined) return undefined
    const { epoch, seq, term, state, tail, ownerLeftAt } = room
    const follower = begin({
      epoch,
      seq,
      term,
      ownerHere: ownerLeftAt === undefined,
      state: state.entries(),
      tail: [...tail],
    })
    room.follower = follower
    return follower
  }

  unfollow(uuid: string, follower: Follower): void {
    const room = this.#rooms.get(uuid)
    if (room?.follower === follower) room.follower = undefined
  }

  async append(uuid: string, draft: Draft): Promise<Appended> {
    const room = this.#owned(uuid, draft.term)
    if (draft.term === room.term) room.usedHash = undefined
    else if (draft.at !== undefined && room.ownerLeftAt !== undefined)
      room.ownerLeftAt = Math.max(room.ownerLeftAt, draft.at)
    const known = draft.id === undefined ? undefined : room.seqOfId.get(draft.id)
    if (known !== undefined) return { seq: known }
    room.state.check(draft)
    const entry: Entry = { ...draft, seq: ++room.seq }
    room.state.apply(entry)
    this.#remember(room, entry)
    room.follower?.published(entry)
    return { seq: entry.seq }
  }

  async takeOver(uuid: string, keyHash: string, freshHash: string): Promise<Ownership | undefined> {
    const room = this.#rooms.get(uuid)
    // All compared, and something even where there is no room: the answer takes the same time (O2).
    const isOwner = isSameSecret(keyHash, room?.ownerHash ?? '')
    const isHeir = isSameSecret(keyHash, room?.handoverHash ?? '')
    const isHeirAgain = isSameSecret(keyHash, room?.usedHash ?? '')
    if (room === undefined || !(isOwner || isHeir || isHeirAgain)) return undefined
    if (!isOwner) room.ownerHash = freshHash
    room.usedHash = isOwner ? undefined : keyHash
    room.handoverHash = undefined
    room.term++
    room.ownerLeftAt = undefined
    this.#ownerless.delete(uuid)
    room.follower?.presence({ here: true, term: room.term, handedOver: isHeir })
    return { term: room.term, handedOver: !isOwner }
  }

  async offerHandover(uuid: string, term: number, keyHash: string): Promise<void> {
    const room = this.#owned(uuid, term)
    room.handoverHash = keyHash
    if (term === room.term) room.usedHash = undefined
  }

  async ownerLeft(uuid: string, term: number, now: number): Promise<void> {
    const room = this.#rooms.get(uuid)
    if (room === undefined || term < room.term) return
    room.ownerLeftAt = now
    this.#ownerless.add(uuid)
    room.follower?.presence({ here: false, term: room.term })
  }

  async abandoned(time: number): Promise<{ uuid: string; term: number }[]> {
    return [...this.#ownerless]
      .map((uuid) => ({ uuid, room: this.#rooms.get(uuid)! }))
      .filter(({ room }) => room.ownerLeftAt! <= time)
      .map(({ uuid, room }) => ({ uuid, term: room.term }))
  }

  async end(uuid: string, term: number, reason: EndReason): Promise<void> {
    if (!this.#rooms.has(uuid)) return
    const room = this.#owned(uuid, term)
    this.#rooms.delete(uuid)
    this.#ownerless.delete(uuid)
    room.follower?.ended(reason)
  }

  async close(): Promise<void> {
    this.#rooms.clear()
    this.#ownerless.clear()
  }

  #owned(uuid: string, term: number): Kept {
    const room = this.#rooms.get(uuid)
    if (room === undefined) throw new RoomError('room_not_found', 'there is no such room')
    if (term < room.term) throw new RoomError('displaced', 'another owner has taken the room')
    return room
  }

  #remember(room: Kept, entry: Entry): void {
    room.tail.push(entry)
    room.tailBytes += entry.bytes
    if (entry.id !== undefined) room.seqOfId.set(entry.id, entry.seq)
    const { tailEntries, tailBytes } = this.#options.limits
    // By the half, since dropping from the front moves all the others.
    if (room.tail.length > 2 * tailEntries || room.tailBytes > 2 * tailBytes) this.#trim(room)
  }

  #trim(room: Kept): void {
    const { tailEntries, tailBytes } = this.#options.limits
    let dropped = 0
    while (room.tail.length - dropped > tailEntries || room.tailBytes > tailBytes) {
      const entry = room.tail[dropped++]!
      room.tailBytes -= entry.bytes
      if (entry.id !== undefined && room.seqOfId.get(entry.id) === entry.seq) room.seqOfId.delete(entry.id)
    }
    room.tail = room.tail.slice(dropped)
  }
}
