import type { Broadcast, Json, Limits, RoomEvent, Welcome } from '../protocol/messages.ts'
import { RoomcastError } from './errors.ts'
import { errorOf, RoomMember } from './member.ts'
import { envelope, hello, socketUrl } from './text.ts'
import type {
  Actions,
  ActionsOf,
  Feedback,
  Name,
  Presentation,
  PresentationEvents,
  PresentOptions,
  Stateful,
} from './types.ts'

interface Manner {
  readonly stateMessage?: true
  readonly retain?: 'append' | 'clear'
  readonly stateKey?: string
  readonly to?: 'all' | 'self' | readonly string[]
}

/** Ends of this side alone: the room lives on. */
const OURS = ['left', 'displaced']

/** Milliseconds until a room that the server could not end is to be ended again. */
const RETRY = 1000

export class RoomPresentation<A extends ActionsOf<A>, F extends ActionsOf<F> = Actions>
  extends RoomMember<A, PresentationEvents<F>>
  implements Presentation<A, F>
{
  readonly #page: URL
  readonly #onOpen: () => void
  readonly #stateful: Stateful<A>
  #ownerKey: string
  #limits: Limits | undefined
  #listeners = 0
  #closing: Promise<void> | undefined
  #isOwner = true
  /** When it was told last that the room takes no more for now. */
  #toldToWait = 0

  /** `onOpen` is called when the room is ours for the first time. */
  constructor(url: string, options: PresentOptions, onOpen: () => void) {
    const { uuid = '', ownerKey = '' } = options
    const page = new URL(options.page ?? '/', url.replace(/^ws/, 'http'))
    super(socketUrl(url, uuid), uuid, options)
    this.#page = page
    this.#ownerKey = ownerKey
    this.#onOpen = onOpen
    this.#stateful = this.#statefulUnder({})
  }

  get link(): string {
    this.#page.searchParams.set('uuid', this.uuid)
    return this.#page.href
  }

  get ownerKey(): string {
    return this.#ownerKey
  }

  /** Known from the first welcome on, and nobody has this object before. */
  get limits(): Limits {
    return this.#limits!
  }

  get listeners(): number {
    return this.#listeners
  }

  broadcast<N extends Name<A>>(action: N, ...params: A[N]): Promise<void> {
    return this.#say(action, params, {})
  }

  state<N extends Name<A>>(action: N, ...params: A[N]): Promise<void> {
    return this.#stateful.state(action, ...params)
  }

  append<N extends Name<A>>(action: N, ...params: A[N]): Promise<void> {
    return this.#stateful.append(action, ...params)
  }

  clear<N extends Name<A>>(action: N, ...params: A[N]): Promise<void> {
    return this.#stateful.clear(action, ...params)
  }

  key(stateKey: string): Stateful<A> {
    return this.#statefulUnder({ stateKey })
  }

  to(whom: 'all' | 'self' | readonly string[]): Pick<Presentation<A>, 'broadcast'> {
    return { broadcast: (action, ...params) => this.#say(action, params, { to: whom }) }
  }

  handOver(clientId: string): Promise<void> {
    return this.#send({ ...envelope(this.uuid, 3), handover: clientId }, true)
  }

  close(): Promise<void> {
    this.#closing ??= new Promise((resolve, reject) => {
      const settle = () => {
        const { ending } = this
        if (this.#isOwner && ending === undefined) return
        for (const stop of stops) stop()
        if (!this.#isOwner) reject(notOwner())
        else if (OURS.includes(ending!.code)) reject(errorOf(ending!))
        else resolve()
      }
      const stops = [this.when('status', settle), this.when('handedOver', settle)]
      settle()
    })
    this.#sendClose()
    return this.told(this.#closing)
  }

  hello(): string {
    if (!this.#isOwner) return hello(this.uuid, 2, { since: this.since })
    if (this.#ownerKey === '') return hello('', 1)
    return hello(this.uuid, 1, { ownerKey: this.#ownerKey, since: this.since })
  }

  protected get hearsAll(): boolean {
    return !this.#isOwner
  }

  protected entered(welcome: Welcome): void {
    this.#ownerKey = welcome.ownerKey ?? this.#ownerKey
    this.#limits = welcome.limits
    if (this.#closing !== undefined) this.#sendClose()
    this.#onOpen()
  }

  protected override take(message: Broadcast): void {
    if (message.from === undefined) return super.take(message)
    const { funcKey: action, funcParams: params, from } = message
    this.emit('feedback', { action, params, from } as unknown as Feedback<F>)
  }

  protected happened(event: RoomEvent): void {
    if (event.type === 'ack') this.acknowledged(event.position, this.outbox.acknowledge(event.id))
    else if (event.type === 'listeners') this.#count(event)
    else if (event.type === 'role') this.#demote()
    else if (event.type === 'stale' && !event.stale) this.outbox.release()
    else if (event.type === 'feedback_dropped') this.emit('feedbackDropped', { count: event.count })
    else if (event.type === 'error' && event.code === 'rate_limited' && event.id !== undefined) {
      this.#wait(errorOf(event), event.id)
    } else if (event.type === 'error') {
      this.refused(errorOf(event), event.id)
      // Nothing else of this side's is answered without an id.
      if (this.#closing !== undefined && event.id === undefined) setTimeout(() => this.#sendClose(), RETRY)
    }
  }

  /** Nothing is lost by it: who shows more than the room takes is told once a second that its audience is behind. */
  #wait(error: RoomcastError, id: string): void {
    const isFirst = this.outbox.postpone(id, error)
    if (!isFirst || Date.now() - this.#toldToWait < 1000) return
    this.#toldToWait = Date.now()
    this.problem(error)
  }

  #statefulUnder(place: Pick<Manner, 'stateKey'>): Stateful<A> {
    const stored = { ...place, stateMessage: true } as const
    return {
      state: (action, ...params) => this.#say(action, params, stored),
      append: (action, ...params) => this.#say(action, params, { ...stored, retain: 'append' }),
      clear: (action, ...params) => this.#say(action, params, { ...stored, retain: 'clear' }),
    }
  }

  #say(action: string, params: Json[], manner: Manner): Promise<void> {
    const isTargeted = manner.to !== undefined && manner.to !== 'all'
    return this.#send({ ...envelope(this.uuid, 3), funcKey: action, funcParams: params, ...manner }, isTargeted)
  }

  #send(message: object, isTargeted: boolean): Promise<void> {
    if (this.#isOwner || this.ending !== undefined) return this.say(message, isTargeted)
    return this.told(Promise.reject(notOwner()))
  }

  #demote(): void {
    this.#isOwner = false
    this.#ownerKey = ''
    this.outbox.failAll(notOwner())
    this.emit('handedOver', undefined)
  }

  #sendClose(): void {
    if (!this.isIn || !this.#isOwner) return
    this.line.send(JSON.stringify(envelope(this.uuid, 4)))
    // It has no answer of its own: what the line says next is one.
    this.line.probe()
  }

  #count({ count, joined, left }: Extract<RoomEvent, { type: 'listeners' }>): void {
    this.#listeners = count
    this.emit('listeners', { count, joined, left })
  }
}

function notOwner(): RoomcastError {
  return new RoomcastError({ code: 'not_owner', message: 'the room was handed over' })
}
