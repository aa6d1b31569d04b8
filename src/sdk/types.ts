import type { Problem } from '../protocol/codes.ts'
import type { Json, Limits } from '../protocol/messages.ts'

/** Any action, with any parameters: what holds for an application that does not declare its own. */
export type Actions = { [action: string]: Json[] }

/**
 * The actions of an application and their parameters, so that both sides are checked against one type:
 *
 *     interface Deck { slide: [index: number]; pointer: [x: number, y: number] }
 *     const room = await present<Deck>(url)
 *     follow<Deck>(url, uuid).on('slide', (index) => show(index))
 *
 * An interface is as good as a type, for the actions as for what is in their parameters. Parameters that JSON does not keep
 * as they are (a `Date`, a `Map`, a function) are errors of type. The first of the two is for code that is generic over
 * `Actions`, where the compiler cannot look into the second.
 */
export type ActionsOf<A> =
  | { [N in keyof A]: Json[] }
  | { [N in keyof A]: AsJson<A[N]> extends infer Params ? (Params extends unknown[] ? Params : never) : never }

/** `T` with `never` in place of whatever is no JSON. Not `T extends Json`: an interface has no index signature. */
type AsJson<T> = T extends Json | undefined
  ? T
  : T extends ((...values: never[]) => unknown) | bigint | symbol
    ? never
    : T extends object
      ? { [K in keyof T]: AsJson<T[K]> }
      : never

export type Name<A> = keyof A & string

/**
 * - `connecting`: for the first time.
 * - `live`: what is shown is what the owner shows now.
 * - `reconnecting`: the line is gone, and is being taken up again.
 * - `stale`: the line has been gone for so long (`staleAfter`) that what is shown may be old; it is still being tried. Or the
 *   line holds, and the server cannot reach the room.
 * - `ended`: over for good, `ending` says why. Nothing is tried any more.
 */
export type Status = 'connecting' | 'live' | 'reconnecting' | 'stale' | 'ended'

/** Stops what it came from: a handler, a subscription. Calling it again does nothing. */
export type Stop = () => void

/** One message of the room, as `each` hands it out: beside the parameters, how it came. */
export interface Received {
  readonly action: string
  readonly params: readonly Json[]
  /** Its place in the room's order; absent for a message to named clients. */
  readonly seq: number | undefined
  /** True while the past is told to who came late: show the result, leave out the animation. */
  readonly replay: boolean
  readonly stateKey: string | undefined
  /** Of state: whether it replaces what is stored under its key, adds to it, or clears it. Absent: it is not stored. */
  readonly retain: 'latest' | 'append' | 'clear' | undefined
}

/**
 * What a listener says to the owner. The types are what the application's own listeners say: anybody who has the link can
 * send anything.
 */
export type Feedback<F extends ActionsOf<F> = Actions> = {
  [N in Name<F>]: {
    readonly action: N
    readonly params: Readonly<F[N]>
    /** The listener's `clientId`. */
    readonly from: string
  }
}[Name<F>]

/** What both sides of a room have. */
export interface Member<A extends ActionsOf<A>, Events> {
  readonly uuid: string
  /** The server's name for this connection; another after each reconnect. */
  readonly clientId: string
  readonly status: Status
  /** Why it ended; undefined until then. */
  readonly ending: Problem | undefined
  /**
   * Runs `handler` for each broadcast of `action`: first for those that are stored, then for those that come, whenever it is
   * put up. It is not run before `on` has returned. Handlers that are put up in one turn get what is stored in the room's
   * order, each message at all of them, as a replay does. A handler that throws, or whose promise rejects, is told to
   * `problem` and stops nothing. An action without a handler is passed over.
   */
  on<N extends Name<A>>(action: N, handler: (...params: A[N]) => void): Stop
  /** Every message, whatever its action, after the handlers of `on`; first those that are stored, as `on` has them. */
  each(handler: (message: Received) => void): Stop
  /**
   * What is stored in the room now, as far as this side has been told, in the room's order, each with `replay: true`. An
   * owner has what it was replayed, and what it has said itself and the server has acknowledged.
   */
  stored(): Received[]
  /** What happens around the broadcasts. */
  when<E extends keyof Events>(event: E, handler: (value: Events[E]) => void): Stop
  /** Hangs up; the room lives on. */
  leave(): void
}

export interface MemberEvents {
  status: Status
  /** What comes next is the whole state: forget what was shown. Before each first replay, and when too much was missed. */
  reset: undefined
  /** An error that this side has to know of: a handler that threw, a request that was refused. */
  problem: Error
}

export interface FollowingEvents<A extends ActionsOf<A> = Actions, F extends ActionsOf<F> = Actions>
  extends MemberEvents {
  /** False: the owner's line is gone, and the room waits for it. */
  owner: { here: boolean }
  /** The owner offers the room to this side. `accept` takes it: this following ends, and the room is ours to present. */
  handover: { accept(): Promise<Presentation<A, F>> }
  /** This side read too slowly; state is up to date, `missed` other broadcasts will never come. */
  lagged: { missed: number }
}

/** A listener's side of a room: the owner broadcasts `A`, listeners say `F`. */
export interface Following<A extends ActionsOf<A>, F extends ActionsOf<F> = Actions>
  extends Member<A, FollowingEvents<A, F>> {
  /**
   * Says something to the owner, now or when there is a line for it. Settles when the owner's server has it. Rejects with a
   * `RoomcastError`: `owner_absent`, `rate_limited`, `message_too_large`, `queue_full` when 20 wait for an answer,
   * `not_delivered` when the line was lost under way: it is not said twice.
   */
  feedback<N extends Name<F>>(action: N, ...params: F[N]): Promise<void>
}

export interface PresentationEvents<F extends ActionsOf<F> = Actions> extends MemberEvents {
  /** Who listens, whenever that changes. */
  listeners: { count: number; joined: readonly string[]; left: readonly string[] }
  feedback: Feedback<F>
  /** So many messages of feedback were dropped: this side's line, or the room, takes no more of them. */
  feedbackDropped: { count: number }
  /** The room has another owner now, to whom this side has handed it; from here on this side only listens. */
  handedOver: undefined
}

/**
 * Broadcasts that are stored, and replayed to who comes late. A key is the action, or the action and the `stateKey` of
 * `key()`. The promise settles when the server has stored it, or rejects with a `RoomcastError` when it refused.
 */
export interface Stateful<A extends ActionsOf<A>> {
  /** The newest replaces what is stored under its key. */
  state<N extends Name<A>>(action: N, ...params: A[N]): Promise<void>
  /** Adds to what is stored under its key. */
  append<N extends Name<A>>(action: N, ...params: A[N]): Promise<void>
  /** Broadcasts it, and forgets what is stored under its key. */
  clear<N extends Name<A>>(action: N, ...params: A[N]): Promise<void>
}

/** The owner's side of a room: it broadcasts `A`, listeners say `F`. */
export interface Presentation<A extends ActionsOf<A>, F extends ActionsOf<F> = Actions>
  extends Member<A, PresentationEvents<F>>,
    Stateful<A> {
  /** What the audience opens. */
  readonly link: string
  /** The secret that takes the room back: `present(url, { uuid, ownerKey })`. For the owner alone. */
  readonly ownerKey: string
  /** What the server will refuse: how large a message, and how much state. */
  readonly limits: Limits
  /** How many listen, as far as is known. */
  readonly listeners: number
  /**
   * To every listener, and not stored. Settles when the server has it, or rejects with a `RoomcastError`. As with all that
   * is said here, `problem` is told of a refusal too, so that nobody has to wait for the promise.
   */
  broadcast<N extends Name<A>>(action: N, ...params: A[N]): Promise<void>
  /** The same state broadcasts under a key of their own: `room.key('slide-3').append('stroke', …)`. */
  key(stateKey: string): Stateful<A>
  /** A message to some clients, or to all including oneself. */
  to(whom: 'all' | 'self' | readonly string[]): Pick<Presentation<A>, 'broadcast'>
  /**
   * Offers the room to a listener (its `clientId`, of `listeners` or of a feedback). Settles when the offer is made; this
   * side stays the owner until the other accepts, which `handedOver` tells.
   */
  handOver(clientId: string): Promise<void>
  /**
   * Ends the room for everyone. Settles when it is over. Rejects where it lives on: `not_owner`, `displaced`, or `left` when
   * this side has left before the server has answered.
   */
  close(): Promise<void>
}

export interface Options {
  /** Milliseconds without a line after which `reconnecting` becomes `stale`. Default 10,000. */
  readonly staleAfter?: number
  /** In place of the global `WebSocket`, where there is none, or another is wanted. */
  readonly webSocket?: typeof WebSocket
}

export interface PresentOptions extends Options {
  /** Both given: take this room back, in place of opening a new one. */
  readonly uuid?: string
  readonly ownerKey?: string
  /** Where the audience's link leads; `?uuid=` is added. Default: the server's own page. */
  readonly page?: string | URL
  /** Milliseconds in which the room has to be open. Default 10,000. */
  readonly openWithin?: number
}
