import { CODES, type Code, type Problem } from '../protocol/codes.ts'
import type { Broadcast, Position, RoomEvent, ServerMessage, Welcome } from '../protocol/messages.ts'
import { RoomcastError } from './errors.ts'
import { Handlers } from './handlers.ts'
import { Line, type LineUser } from './line.ts'
import { Order } from './order.ts'
import { Outbox } from './outbox.ts'
import { Receivers } from './receivers.ts'
import { receivedOf } from './text.ts'
import type { ActionsOf, Member, MemberEvents, Name, Options, Received, Status, Stop } from './types.ts'
import { Watch } from './watch.ts'

const STALE_AFTER = 10_000

/** What the owner and a listener have in common: a line, a place in the order, handlers, a status. */
export abstract class RoomMember<A extends ActionsOf<A>, Events extends MemberEvents>
  implements Member<A, Events>, LineUser
{
  readonly line: Line
  /** What has been said and not answered. */
  protected readonly outbox: Outbox
  readonly #receivers = new Receivers((error, name) => this.#report(error, `handler of ${name}`))
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
  #refusal: Problem | undefined
  #uuid: string
  #clientId = ''
  #hasBeenIn = false
  #isIn = false
  /** The server itself cannot reach the room's log. */
  #isServerStale = false
  /** The server lives, and does not answer what the owner says. */
  #isOverdue = false
  /** Held back until whoever waited for the welcome has put up its handlers. */
  #held: ServerMessage[] | undefined

  /** `capacity`: messages that may wait for an answer. */
  constructor(url: string, uuid: string, options: Options, capacity?: number) {
    this.#uuid = uuid
    this.#staleAfter = options.staleAfter ?? STALE_AFTER
    this.line = new Line(url, this, options.webSocket)
    const watch = new Watch(
      (within) => this.#isIn && this.line.probe(within),
      (isOverdue) => this.overdue(isOverdue),
    )
    this.outbox = new Outbox((text) => this.#isIn && this.line.send(text), watch, capacity)
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
    return this.#receivers.on(action, handler)
  }

  each(handler: (message: Received) => void): Stop {
    return this.#receivers.each(handler)
  }

  stored(): Received[] {
    return this.#receivers.stored.all()
  }

  when<E extends keyof Events>(event: E, handler: (value: Events[E]) => void): Stop {
    return this.#events.add(String(event), handler)
  }

  leave(): void {
    this.line.hangUp()
    this.finish({ code: 'left', message: 'you left the room' })
  }

  abstract hello(): string

  /** Every broadcast of the room is sent to this side: one that is missing is a fault of the line. */
  protected abstract get hearsAll(): boolean

  /** This side is in: on each new connection. What waits in the outbox has been sent. */
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

  /** The server has taken what this side said: `text`, as a broadcast in the place of `position`. */
  protected acknowledged({ seq }: Position, text: string | undefined): void {
    const isNews = this.#order.acknowledge(seq)
    if (isNews && text !== undefined) this.#receivers.stored.take(receivedOf({ ...JSON.parse(text), seq }))
    this.#liveIfLevel()
  }

  /** The line holds, and what was said has no answer. */
  protected overdue(isOverdue: boolean): void {
    this.#isOverdue = isOverdue && this.#isIn
    if (this.#isOverdue) this.#setStatus('stale')
    else this.#liveIfLevel()
  }

  /** The server has refused something: what has that id, or else what nobody waits for. */
  protected refused(error: RoomcastError, id: string | undefined): void {
    if (id === undefined || this.outbox.fail(id, error)) this.problem(error)
  }

  /** Says it now, or when there is a line for it. Who does not wait for the answer learns of a refusal all the same. */
  protected say(message: object, isTargeted: boolean): Promise<void> {
    const over = this.#ending
    return this.told(over === undefined ? this.outbox.put(message, isTargeted) : Promise.reject(errorOf(over)))
  }

  /** Tells `problem` when it rejects, and makes it one that nobody has to wait for. */
  protected told<T>(answer: Promise<T>): Promise<T> {
    answer.catch((error) => this.problem(error))
    return answer
  }

  protected emit<E extends keyof Events>(event: E, value: Events[E]): void {
    this.#events.run(String(event), value)
  }

  message(message: ServerMessage): void {
    // A handler may have left while others of the same frame are still to come.
    if (this.#status === 'ended') return
    this.#receivers.admit()
    if (this.#held !== undefined) this.#held.push(message)
    else if ('event' in message) this.#event(message.event)
    else if ('clientId' in message) this.#welcome(message)
    else this.take(message)
  }

  lost(problem: Problem | undefined): void {
    if (!this.#isIn) this.#refused(problem)
    this.#held = undefined
    this.#isIn = false
    if (this.#status === 'stale' || this.#status === 'reconnecting' || !this.#hasBeenIn) return
    this.#setStatus('reconnecting')
    this.#staleTimer = setTimeout(() => this.#setStatus('stale'), this.#staleAfter)
  }

  /** Why the server has not let this side in, as it last said. */
  get refusal(): Problem | undefined {
    return this.#refusal
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
    this.outbox.failAll(errorOf(problem))
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
    this.#receivers.take(receivedOf(message))
    this.#liveIfLevel()
  }

  /** Each reason is told once: the same is no news at the next try. */
  #refused(problem: Problem | undefined): void {
    if (problem === undefined) return
    const isNews = problem.code !== this.#refusal?.code
    this.#refusal = problem
    if (isNews) this.#events.run('problem', errorOf(problem))
  }

  #welcome(welcome: Welcome): void {
    this.#refusal = undefined
    this.#uuid = welcome.uuid
    this.#clientId = welcome.clientId
    this.#hasBeenIn = true
    this.line.established()
    this.#isIn = true
    this.#isServerStale = false
    this.#isOverdue = false
    this.#receivers.stored.limit(welcome.limits)
    if (welcome.recovered) this.#order.startRecovery(welcome.position.seq)
    else {
      this.#order.startReplay(welcome.replay, welcome.position, false)
      this.#reset()
    }
    this.outbox.resend(welcome.limits.messageBytes)
    this.entered(welcome)
    this.#liveIfLevel()
    this.#hold()
  }

  #liveIfLevel(): void {
    if (this.#isIn && this.#order.isLevel && !this.#isServerStale && !this.#isOverdue) this.#setStatus('live')
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
      if (event.reset) this.#reset()
    }
    if (event.type === 'stale') {
      this.#isServerStale = event.stale
      if (event.stale) this.#setStatus('stale')
      else this.#liveIfLevel()
    }
    this.happened(event)
  }

  /** The whole state comes next. */
  #reset(): void {
    this.#receivers.stored.forgetAll()
    this.#events.run('reset', undefined)
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
