import { CODES, type Code, type Problem } from '../protocol/codes.ts'
import type { Broadcast, Position, RoomEvent, ServerMessage, Welcome } from '../protocol/messages.ts'
import { RoomcastError } from './errors.ts'
import { Handlers } from './handlers.ts'
import { Line, type LineUser } from './line.ts'
import { Order } from './order.ts'
import type { Actions, Member, MemberEvents, Name, Options, Received, Status, Stop } from './types.ts'

const STALE_AFTER = 10_000

type Handler = (...values: never[]) => void

/** The name under which `each` has its handlers. */
const EACH = 'each'

/** What the owner and a listener have in common: a line, a place in the order, handlers, a status. */
export abstract class RoomMember<A extends Actions, Events extends MemberEvents>
  implements Member<A, Events>, LineUser
{
  readonly line: Line
  readonly #actions = new Handlers((error, action) => this.#report(error, `handler of ${action}`))
  readonly #observers = new Handlers((error) => this.#report(error, 'handler of each'))
  readonly #events = new Handlers((error, event) => {
    // One for `problem` that throws has nobody to be told to.
    if (event === 'problem') console.error(error)
    else this.#report(error, `handler of ${event}`)
  })
  readonly #order = new Order()
  readonly #staleAfter: number
  #staleTimer: ReturnType<typeof setTimeout> | undefined
  #status: Status = 'connecting'
  #ending: Problem | undefined
  #uuid: string
  #clientId = ''
  #hasBeenIn = false
  #isIn = false
  /** The server itself cannot reach the room's log. */
  #isServerStale = false
  /** Held back until whoever waited for the welcome has put up its handlers. */
  #held: ServerMessage[] | undefined

  constructor(url: string, uuid: string, options: Options) {
    this.#uuid = uuid
    this.#staleAfter = options.staleAfter ?? STALE_AFTER
    this.line = new Line(url, this, options.webSocket)
  }

  get uuid(): string {
    return this.#uuid
  }

  get clientId(): string {
    return this.#clientId
  }

  get status(): Status {
    return this.#status
  }

  get ending(): Problem | undefined {
    return this.#ending
  }

  on<N extends Name<A>>(action: N, handler: (...params: A[N]) => void): Stop {
    return this.#actions.add(action, handler as unknown as Handler)
  }

  each(handler: (message: Received) => void): Stop {
    return this.#observers.add(EACH, handler as unknown as Handler)
  }

  when<E extends keyof Events>(event: E, handler: (value: Events[E]) => void): Stop {
    return this.#events.add(String(event), handler as unknown as Handler)
  }

  leave(): void {
    this.line.hangUp()
    this.finish({ code: 'left', message: 'you left the room' })
  }

  abstract hello(): string

  /** Every broadcast of the room is sent to this side: one that is missing is a fault of the line. */
  protected abstract get hearsAll(): boolean

  /** This side is in: on each new connection. */
  protected abstract entered(welcome: Welcome): void

  /** An event that is of this side's own kind. */
  protected abstract happened(event: RoomEvent): void

  /** Where to be taken up again. */
  protected get since(): Position | undefined {
    return this.#order.since
  }

  /** There is a line, and the server has let us in. */
  protected get isIn(): boolean {
    return this.#isIn
  }

  /** A broadcast of this side's own has its place. */
  protected acknowledged(seq: number): void {
    this.#order.acknowledge(seq)
    this.#liveIfLevel()
  }

  protected emit<E extends keyof Events>(event: E, value: Events[E]): void {
    this.#events.run(String(event), value)
  }

  message(message: ServerMessage): void {
    if (this.#held !== undefined) this.#held.push(message)
    else if ('event' in message) this.#event(message.event)
    else if ('clientId' in message) this.#welcome(message)
    else this.take(message)
  }

  lost(): void {
    this.#held = undefined
    this.#isIn = false
    if (this.#status === 'stale' || this.#status === 'reconnecting' || !this.#hasBeenIn) return
    this.#setStatus('reconnecting')
    this.#staleTimer = setTimeout(() => this.#setStatus('stale'), this.#staleAfter)
  }

  ended(problem: Problem): void {
    this.finish(problem)
  }

  protected finish(problem: Problem): void {
    if (this.#status === 'ended') return
    this.#ending = problem
    this.#held = undefined
    this.#isIn = false
    this.#setStatus('ended')
  }

  /** Tells `problem` of it; with nobody to tell, the console. */
  protected problem(error: Error): void {
    if (this.#events.has('problem')) this.#events.run('problem', error)
    else console.error(error)
  }

  protected take(message: Broadcast): void {
    const verdict = this.#order.judge(message)
    if (verdict === 'known') return
    // The server gives no gaps: if one is seen all the same, the place that is known is where to go on from.
    if (verdict === 'gap' && this.hearsAll) return this.line.restart()
    if (verdict === 'gap') this.#order.acknowledge(message.seq!)
    const { funcKey, funcParams, seq, replay = false, stateKey, retain } = message
    this.#actions.run(funcKey, ...funcParams)
    this.#observers.run(EACH, { action: funcKey, params: funcParams, seq, replay, stateKey, retain })
    this.#liveIfLevel()
  }

  #welcome(welcome: Welcome): void {
    this.#uuid = welcome.uuid
    this.#clientId = welcome.clientId
    this.#hasBeenIn = true
    this.line.established()
    this.#isIn = true
    this.#isServerStale = false
    if (welcome.recovered) this.#order.startRecovery(welcome.position.seq)
    else {
      this.#order.startReplay(welcome.replay, welcome.position, false)
      this.#events.run('reset', undefined)
    }
    this.entered(welcome)
    this.#liveIfLevel()
    this.#hold()
  }

  #liveIfLevel(): void {
    if (this.#isIn && this.#order.isLevel && !this.#isServerStale) this.#setStatus('live')
  }

  #hold(): void {
    const held: ServerMessage[] = []
    this.#held = held
    setTimeout(() => {
      if (this.#held !== held) return
      this.#held = undefined
      for (const message of held) this.message(message)
    })
  }

  #event(event: RoomEvent): void {
    if (event.type === 'lagged') {
      this.#order.startReplay(event.replay, event.position, !event.reset)
      if (event.reset) this.#events.run('reset', undefined)
    }
    if (event.type === 'stale') {
      this.#isServerStale = event.stale
      if (event.stale) this.#setStatus('stale')
      else this.#liveIfLevel()
    }
    this.happened(event)
  }

  #report(error: unknown, where: string): void {
    this.problem(new RoomcastError({ code: 'handler_failed', message: `the ${where} threw: ${error}` }, error))
  }

  #setStatus(status: Status): void {
    if (status !== 'reconnecting' && status !== 'stale') clearTimeout(this.#staleTimer)
    if (this.#status === status) return
    this.#status = status
    this.#events.run('status', status)
  }
}

/** The error that an event of the server stands for; a code that this side is too old to know stays as it is. */
export function errorOf(problem: Problem): RoomcastError {
  return new RoomcastError({ ...problem, code: (problem.code in CODES ? problem.code : 'server_error') as Code })
}
