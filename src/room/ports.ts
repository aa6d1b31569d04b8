import type { EndReason } from '../protocol/codes.ts'
import type { Retain, Role } from '../protocol/messages.ts'
import type { Batch } from './batch.ts'

/** What a client is in its room: all that it takes to put it back there. */
export interface Membership {
  readonly id: string
  readonly role: Role
  /** The term it owns the room in; 0 for a listener. */
  readonly term: number
  /** An owner that takes feedback (`CAN.feedback`). */
  readonly takesFeedback?: true
  /** An owner that says again what was refused (`CAN.resends`). */
  readonly resends?: true
  /** The seq at which it was left to drain (R6); absent: it has been sent everything. */
  readonly behind?: number
}

/**
 * The way to one client. It only writes: reading belongs to the transport, which calls the `Session`.
 *
 * An implementer may not assume that it is called after it closed, or that it is not: after `close`, and after the line
 * broke, `write` and `close` do nothing. None of them throws. A transport that sees its line take nothing at all for the
 * write deadline, with something to take, calls `session.stalled()`; one whose `backlog` was over zero and has come down
 * to it calls `session.drained()`.
 */
export interface Connection {
  write(batch: Batch): void
  /** Runs `writing`, and sends all that it writes as one. Absent where that saves nothing. */
  together?(writing: () => void): void
  /** Bytes written here that the network has not taken yet. */
  readonly backlog: number
  /** Ends the line after what was written. `code` and `reason` as in RFC 6455, 7.4. */
  close(code: number, reason: string): void
  /** Reads nothing from the client for `ms` milliseconds. Absent where the transport cannot help but read. */
  rest?(ms: number): void
  /** What the client can, by its own word (`CAN` in protocol/routes.ts); comes before anything is written. */
  agree?(can: readonly string[]): void
  /** The client says a nonce that it was sent, for it to show that it has taken all before. False: it was sent none such. */
  taken?(nonce: string): boolean
  /**
   * Keeps `member` with the line, for `session.restore`. Only where a line outlives the process that writes to it; called
   * whenever what the client is has changed.
   */
  remember?(member: Membership): void
}

export type Cancel = () => void

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Runs `task` once, `ms` from now. */
  after(ms: number, task: () => void): Cancel
  /** Runs `task` once, after the event loop has had its turn. */
  soon(task: () => void): void
}

export interface Secrets {
  /** A random UUID, version 4. */
  uuid(): string
  /** A name for a client, unguessable for others. */
  clientId(): string
  /** A secret of at least 192 random bits, of characters that need no escape in a header. */
  key(): string
  /** A digest that the key cannot be found from. */
  hash(key: string): Promise<string>
}

/** A broadcast on its way into the log. */
export interface Draft {
  /** The owner's term; the log refuses an older one than its own (O3). A newer one is nobody's: who needs no key says it. */
  readonly term: number
  /** The owner's own name for it: the same id again is not appended twice while the tail remembers it (C3). */
  readonly id?: string | undefined
  /** Absent: it passes through the tail only. */
  readonly state?: { readonly key: string; readonly retain: Retain } | undefined
  /**
   * Set where nobody's term says it: when that was, in milliseconds since 1970. Where the owner is not here, the room counts
   * as left then at the earliest (E2).
   */
  readonly at?: number | undefined
  /** The owner hears it too. */
  readonly echo?: true | undefined
  /** What `broadcastText` makes a message of. The log does not read it. */
  readonly body: string
  /** UTF-8 bytes of `body`. */
  readonly bytes: number
}

/** A broadcast that the log has taken. */
export interface Entry extends Draft {
  readonly seq: number
}

export interface Appended {
  readonly seq: number
}

/** A room as its log has it, at one moment. */
export interface Snapshot {
  /** Changes when the log of the room is made anew: a seq of another epoch means nothing. */
  readonly epoch: string
  /** Of the newest broadcast; 0 before the first. */
  readonly seq: number
  readonly term: number
  readonly ownerHere: boolean
  /** The node that the owner came to; absent where there are no nodes. */
  readonly ownerNode?: string | undefined
  /** In the order of `seq`. */
  readonly state: readonly Entry[]
  /** The newest broadcasts, in the order of `seq`, without a gap up to `seq`. */
  readonly tail: readonly Entry[]
}

/** The owner came (`here`, with a new term) or dropped. */
export interface Presence {
  readonly here: boolean
  readonly term: number
  /** It came with the key of a handover. */
  readonly handedOver?: boolean
  /** The node that it came to; absent where there are no nodes. */
  readonly node?: string | undefined
}

/** Who follows a room's log. It is told everything in the log's order, and must not throw. */
export interface Follower {
  published(entry: Entry): void
  presence(owner: Presence): void
  /**
   * What was missed cannot be told one by one: the room stands as in `snapshot`. With another epoch, broadcasts that the log
   * had taken are lost.
   */
  restarted(snapshot: Snapshot): void
  /** True: the log is out of reach, and nothing is told until this is called with false. */
  stale(isStale: boolean): void
  /** Nothing more will come. */
  ended(reason: EndReason): void
}

export interface Ownership {
  readonly term: number
  /** True: it was the key of a handover, and `freshHash` is the owner's key from now on. */
  readonly handedOver: boolean
}

/** The other servers over the same log; where there are none, there is no such port. */
export interface Nodes {
  /** This server's own. The ids of its clients begin with it and a dot. */
  readonly name: string
  /**
   * Asks a room as `node`, another than this, holds it; there `Manager.answer` answers. Undefined: there is no such node, or no
   * such room there, or no answer in time. `node` may be any text without a dot: a client can make one up. What is asked of
   * one node should arrive in the order it was asked.
   */
  ask(node: string, uuid: string, question: string): Promise<string | undefined>
}

/**
 * Where rooms are kept: the one who gives each broadcast its place. Calls for a room take effect in the order they were
 * made. What a promise resolved with is as durable as this log promises; a rejection is a `RoomError`, and changed nothing,
 * except that after `log_unavailable` it may not be known whether it did.
 *
 * An implementer may not assume that a room is followed when it is appended to, that the caller waits for one call before
 * it makes the next, or that ids and keys hold no strange characters.
 */
export interface RoomLog {
  /** Opens a room at term 1 with its owner here; or gone since `leftAt`. Rejects with `server_full` at the bound on rooms. */
  create(uuid: string, ownerHash: string, leftAt?: number): Promise<void>

  /**
   * Hands the room as it stands to `begin`, and all that is published from then on to the follower that this returns:
   * no gap and nothing twice between the two. Undefined when there is no such room. One follower a room and log.
   */
  follow<F extends Follower>(uuid: string, begin: (snapshot: Snapshot) => F): Promise<F | undefined>

  /**
   * Resolves when the follower of this room, if there is one here, has been told all that was appended before this was asked, or
   * that it is stale. Never rejects. Absent where a follower is told before `append` resolves.
   */
  level?(uuid: string): Promise<void>

  /** Nothing, where another follows the room by now. */
  unfollow(uuid: string, follower: Follower): void

  /**
   * Rejects with `displaced` (an old term), `state_full`, `room_not_found`, `log_unavailable`; and with `rate_limited` where
   * broadcasts come by other ways than one server's: then all is refused that the room was to append after it until that is
   * told, so that nothing overtakes it.
   */
  append(uuid: string, draft: Draft): Promise<Appended>

  /**
   * Checks the key, then raises the term and marks the owner as here, in one step. Undefined for a wrong key and an
   * unknown room alike, which changes nothing (O2).
   *
   * The answer to a handover may be lost. So its key stays good, each time for another `freshHash`, until that has taken over
   * or the owner has appended or offered something (O3). Only the first time is told as handed over.
   *
   * When it resolves, the follower here has been told all that was appended before. Where it cannot be, `log_unavailable`.
   */
  takeOver(uuid: string, keyHash: string, freshHash: string): Promise<Ownership | undefined>

  /** Lets the holder of another key take over, in place of any that was offered before. `displaced` at an old term. */
  offerHandover(uuid: string, term: number, keyHash: string): Promise<void>

  /** The owner's line dropped, at `now`. Nothing if its term is an old one. Where that was said already, `now` is what counts. */
  ownerLeft(uuid: string, term: number, now: number): Promise<void>

  /** Rooms whose owner left before `time` and has not come back. */
  abandoned(time: number): Promise<readonly { readonly uuid: string; readonly term: number }[]>

  /** Ends the room and forgets all of it. Rejects with `displaced` at an old term; an unknown room is no error. */
  end(uuid: string, term: number, reason: EndReason): Promise<void>

  /** Flushes what is under way and lets go of what it holds. */
  close(): Promise<void>
}
