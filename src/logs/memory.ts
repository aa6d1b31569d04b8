import type { EndReason } from '../protocol/codes.ts'
import { Budget, type Share } from '../room/budget.ts'
import { RoomError } from '../room/errors.ts'
import type { RoomLimits } from '../room/limits.ts'
import type { Appended, Draft, Entry, Follower, Ownership, RoomLog, Secrets, Snapshot } from '../room/ports.ts'
import { isSameSecret } from '../room/secret.ts'
import { State } from '../room/state.ts'
import { scant } from '../room/tail.ts'
import { ROOM_WEIGHT, TAIL_ENTRY_WEIGHT, textWeight } from '../room/weight.ts'

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
  tailWeight: number
  readonly share: Share
  readonly seqOfId: Map<string, number>
  follower: Follower | undefined
}

export interface MemoryLogOptions {
  readonly limits: RoomLimits
  /** Rooms at one time. */
  readonly maxRooms: number
  readonly secrets: Pick<Secrets, 'uuid'>
  /** Of what is held in memory; absent: unbounded. */
  readonly budget?: Budget
}

/** Rooms whose tails are looked at for each append, where little memory is left. */
const TRIMMED_AT_ONCE = 8

/** Rooms in this process's memory: they end with it. What is acknowledged is safe from everything but that. */
export class MemoryLog implements RoomLog {
  readonly #options: MemoryLogOptions
  readonly #budget: Budget
  readonly #rooms = new Map<string, Kept>()
  readonly #ownerless = new Set<string>()
  /** Whose tails are looked at next. Names, since an iterator that is kept holds all that its map has ever let go of. */
  #turn: string[] = []

  constructor(options: MemoryLogOptions) {
    this.#options = options
    this.#budget = options.budget ?? new Budget(Infinity)
  }

  async create(uuid: string, ownerHash: string, leftAt?: number): Promise<void> {
    const { limits, maxRooms, secrets } = this.#options
    if (this.#rooms.size >= maxRooms) {
      throw new RoomError('server_full', `the server is full: at most ${maxRooms} rooms`, { limit: maxRooms })
    }
    const share = this.#budget.share()
    share.set(ROOM_WEIGHT)
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
      tailWeight: 0,
      share,
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
    weigh(room)
    return follower
  }

  unfollow(uuid: string, follower: Follower): void {
    const room = this.#rooms.get(uuid)
    if (room?.follower !== follower) return
    room.follower = undefined
    weigh(room)
  }

  async append(uuid: string, draft: Draft): Promise<Appended> {
    const room = this.#owned(uuid, draft.term)
    if (draft.term === room.term) room.usedHash = undefined
    else if (draft.at !== undefined && room.ownerLeftAt !== undefined)
      room.ownerLeftAt = Math.max(room.ownerLeftAt, draft.at)
    const known = draft.id === undefined ? undefined : room.seqOfId.get(draft.id)
    if (known !== undefined) return { seq: known }
    room.state.check(draft)
    if (this.#budget.isFull && room.state.grows(draft)) throw this.#budget.refusal('state_full')
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
    room.share.set(0)
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
    room.tailWeight += tailWeightOf(entry)
    if (entry.id !== undefined) room.seqOfId.set(entry.id, entry.seq)
    // By the half, since dropping from the front moves all the others.
    this.#trim(room, 2)
    weigh(room)
    if (this.#budget.isTight) this.#trimOthers()
  }

  /** Where little is left, a few rooms at each append give up what only helps who was away. */
  #trimOthers(): void {
    for (let n = 0; n < TRIMMED_AT_ONCE; n++) {
      const uuid = this.#turn.pop()
      if (uuid === undefined) {
        this.#turn = [...this.#rooms.keys()]
        return
      }
      const room = this.#rooms.get(uuid)
      if (room === undefined) continue
      this.#trim(room, 1)
      weigh(room)
    }
  }

  /** Where the tail is over so many times its limits, trims it to them. */
  #trim(room: Kept, times: number): void {
    const { limits } = this.#options
    const { tailEntries, tailBytes } = this.#budget.isTight ? scant(limits) : limits
    if (room.tail.length <= times * tailEntries && room.tailBytes <= times * tailBytes) return
    let dropped = 0
    while (room.tail.length - dropped > tailEntries || room.tailBytes > tailBytes) {
      const entry = room.tail[dropped++]!
      room.tailBytes -= entry.bytes
      room.tailWeight -= tailWeightOf(entry)
      if (entry.id !== undefined && room.seqOfId.get(entry.id) === entry.seq) room.seqOfId.delete(entry.id)
    }
    room.tail = room.tail.slice(dropped)
  }
}

/** What its follower holds as well is counted there. */
function weigh({ share, state, tailWeight, follower }: Kept): void {
  share.set(ROOM_WEIGHT + tailWeight + (follower === undefined ? state.weight : 0))
}

function tailWeightOf({ body, bytes }: Entry): number {
  return TAIL_ENTRY_WEIGHT + textWeight(body, bytes)
}
