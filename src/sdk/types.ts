import type { Problem } from '../protocol/codes.ts'
import type { Json } from '../protocol/messages.ts'

/**
 * The actions of an application and their parameters, so that both sides are checked against one type:
 *
 *     type Deck = { slide: [index: number]; pointer: [x: number, y: number] }
 *     const room = await present<Deck>(url)
 *     follow<Deck>(url, uuid).on('slide', (index) => show(index))
 */
export type Actions = { [action: string]: Json[] }

export type Name<A extends Actions> = keyof A & string

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
  readonly retain: 'latest' | 'append' | 'clear' | undefined
}

export interface Feedback {
  readonly action: string
  readonly params: readonly Json[]
  /** The listener's `clientId`. */
  readonly from: string
}

/** What both sides of a room have. */
export interface Member<A extends Actions, Events> {
  readonly uuid: string
  /** The server's name for this connection; another after each reconnect. */
  readonly clientId: string
  readonly status: Status
  /** Why it ended; undefined until then. */
  readonly ending: Problem | undefined
  /**
   * Runs `handler` for each broadcast of `action`, first for those of the replay. An action without a handler is passed
   * over. A handler that throws is told to `problem` and stops nothing.
   */
  on<N extends Name<A>>(action: N, handler: (...params: A[N]) => void): Stop
  /** Every message, whatever its action, after the handlers of `on`. */
  each(handler: (message: Received) => void): Stop
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

export interface FollowingEvents extends MemberEvents {
  /** False: the owner's line is gone, and the room waits for it. */
  owner: { here: boolean }
  /** The owner offers the room to this side. `accept` takes it: this following ends, and the room is ours to present. */
  handover: { accept(): Promise<Presentation<Actions>> }
  /** This side read too slowly; state is up to date, `missed` other broadcasts will never come. */
  lagged: { missed: number }
}

/** A listener's side of a room. */
export interface Following<A extends Actions> extends Member<A, FollowingEvents> {
  /** Says something to the owner. False when there is no line to say it on. */
  feedback(action: string, ...params: Json[]): boolean
}

export interface PresentationEvents extends MemberEvents {
  /** Who listens, whenever that changes. */
  listeners: { count: number; joined: readonly string[]; left: readonly string[] }
  feedback: Feedback
  /** The room has another owner now, to whom this side has handed it; from here on this side only listens. */
  handedOver: undefined
}

/**
 * Broadcasts that are stored, and replayed to who comes late. A key is the action, or the action and the `stateKey` of
 * `key()`. The promise settles when the server has stored it, or rejects with a `RoomcastError` when it refused.
 */
export interface Stateful<A extends Actions> {
  /** The newest replaces what is stored under its key. */
  state<N extends Name<A>>(action: N, ...params: A[N]): Promise<void>
  /** Adds to what is stored under its key. */
  append<N extends Name<A>>(action: N, ...params: A[N]): Promise<void>
  /** Broadcasts it, and forgets what is stored under its key. */
  clear<N extends Name<A>>(action: N, ...params: A[N]): Promise<void>
}

/** The owner's side of a room. */
export interface Presentation<A extends Actions> extends Member<A, PresentationEvents>, Stateful<A> {
  /** What the audience opens. */
  readonly link: string
  /** The secret that takes the room back: `present(url, { uuid, ownerKey })`. For the owner alone. */
  readonly ownerKey: string
  /** How many listen, as far as is known. */
  readonly listeners: number
  /** To every listener, and not stored. Settles when the server has it. */
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
  /** Ends the room for everyone. */
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
  /** Milliseconds in which the room has to be open. Default 10,000. */
  readonly openWithin?: number
}
