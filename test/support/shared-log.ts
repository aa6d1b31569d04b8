import type { EndReason } from '../../src/protocol/codes.ts'
import type { Entry, Follower, Presence, RoomLog, Snapshot } from '../../src/room/ports.ts'

type Notice = (follower: Follower) => void

/** One node's follower of one room, and what it has not been told yet. */
interface Reader {
  readonly follower: Follower
  readonly unread: Notice[]
}

/** The one follower that the log below has of a room: it tells the followers of all nodes. */
class Fan implements Follower {
  readonly readers = new Map<string, Reader>()
  owner: { readonly node: string; readonly term: number } | undefined
  /** The node of whoever takes the room over, if it has the key. */
  candidate: string
  readonly #isHeld: (node: string) => boolean

  constructor(node: string, isHeld: (node: string) => boolean) {
    this.owner = { node, term: 1 }
    this.candidate = node
    this.#isHeld = isHeld
  }

  published(entry: Entry): void {
    this.#tell((follower) => follower.published(entry))
  }

  presence(presence: Presence): void {
    this.owner = presence.here ? { node: this.candidate, term: presence.term } : undefined
    const node = this.owner?.node
    this.#tell((follower) => follower.presence({ ...presence, node }))
  }

  restarted(snapshot: Snapshot): void {
    this.#tell((follower) => follower.restarted(snapshot))
  }

  stale(isStale: boolean): void {
    this.#tell((follower) => follower.stale(isStale))
  }

  ended(reason: EndReason): void {
    this.#tell((follower) => follower.ended(reason))
  }

  /** It reads what it has not been told, where that is held up. */
  read(node: string): void {
    const reader = this.readers.get(node)
    for (const notice of reader?.unread.splice(0) ?? []) notice(reader!.follower)
  }

  catchUp(node: string): void {
    const reader = this.readers.get(node)
    if (reader === undefined) return
    while (reader.unread.length > 0 && !this.#isHeld(node)) reader.unread.shift()!(reader.follower)
  }

  #tell(notice: Notice): void {
    for (const [node, { unread }] of this.readers) {
      unread.push(notice)
      this.catchUp(node)
    }
  }
}

/** Milliseconds without a node that looked for abandoned rooms, after which none could have taken an owner in either. */
const UNWATCHED = 10_000

/** A log that several nodes have at once, each with a follower of its own, over one that takes one follower a room. */
export class SharedLog {
  readonly #log: RoomLog
  readonly #fans = new Map<string, Fan>()
  readonly #held = new Set<string>()
  readonly #now: () => number
  #lookedAt = 0

  constructor(log: RoomLog, now: () => number) {
    this.#log = log
    this.#now = now
  }

  /** The log, as a process has it that is `node`. */
  of(node: string): RoomLog {
    const log = this.#log
    return {
      create: async (uuid, ownerHash, leftAt) => {
        await log.create(uuid, ownerHash, leftAt)
        const fan = new Fan(node, (name) => this.#held.has(name))
        if (leftAt !== undefined) fan.owner = undefined
        this.#fans.set(uuid, fan)
        await log.follow(uuid, () => fan)
      },
      follow: async <F extends Follower>(uuid: string, begin: (snapshot: Snapshot) => F) => {
        const fan = this.#fans.get(uuid)
        let follower: F | undefined
        await log.follow(uuid, (snapshot) => {
          follower = begin({ ...snapshot, ownerNode: fan!.owner?.node })
          fan!.readers.set(node, { follower, unread: [] })
          return fan!
        })
        return follower
      },
      unfollow: (uuid, follower) => {
        const readers = this.#fans.get(uuid)?.readers
        if (readers?.get(node)?.follower === follower) readers.delete(node)
      },
      level: async (uuid) => this.#fans.get(uuid)?.read(node),
      append: (uuid, draft) => log.append(uuid, draft),
      takeOver: (uuid, keyHash, freshHash) => {
        const fan = this.#fans.get(uuid)
        if (fan !== undefined) fan.candidate = node
        return log.takeOver(uuid, keyHash, freshHash)
      },
      offerHandover: (uuid, term, keyHash) => log.offerHandover(uuid, term, keyHash),
      ownerLeft: (uuid, term, now) => log.ownerLeft(uuid, term, now),
      abandoned: (time) => this.#abandoned(time),
      end: (uuid, term, reason) => log.end(uuid, term, reason),
      close: async () => {},
    }
  }

  /** As a log does that outlives its nodes: grace counts only while somebody could have come back (E2). */
  async #abandoned(time: number): Promise<{ uuid: string; term: number }[]> {
    const now = this.#now()
    if (now - this.#lookedAt > UNWATCHED) {
      for (const [uuid, { owner }] of this.#fans) {
        if (owner === undefined) await this.#log.ownerLeft(uuid, Number.MAX_SAFE_INTEGER, now)
      }
    }
    this.#lookedAt = now
    return [...(await this.#log.abandoned(time))]
  }

  /** `node` hears nothing of the log, until it is released. */
  hold(node: string): void {
    this.#held.add(node)
  }

  release(node: string): void {
    this.#held.delete(node)
    for (const fan of this.#fans.values()) fan.catchUp(node)
  }

  /** The process of `node` is gone: it follows nothing any more, and an owner on it has left. */
  async lose(node: string, now: number): Promise<void> {
    for (const [uuid, { readers, owner }] of this.#fans) {
      readers.delete(node)
      if (owner?.node === node) await this.#log.ownerLeft(uuid, owner.term, now)
    }
  }
}
