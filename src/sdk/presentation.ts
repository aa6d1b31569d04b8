import type { Problem } from '../protocol/codes.ts'
import type { Broadcast, Json, RoomEvent, Welcome } from '../protocol/messages.ts'
import { audienceLink, BROADCASTING, roomSocketPath } from '../protocol/routes.ts'
import { errorOf, RoomMember } from './member.ts'
import { Outbox } from './outbox.ts'
import { envelope, hello, socketUrl } from './text.ts'
import type { Actions, Name, Presentation, PresentationEvents, PresentOptions, Stateful } from './types.ts'

interface Manner {
  readonly stateMessage?: true
  readonly retain?: 'append' | 'clear'
  readonly stateKey?: string
  readonly to?: 'all' | 'self' | readonly string[]
}

export class RoomPresentation<A extends Actions> extends RoomMember<A, PresentationEvents> implements Presentation<A> {
  readonly #origin: string
  readonly #outbox = new Outbox((text) => this.isIn && this.line.send(text))
  readonly #onOpen: () => void
  readonly #stateful: Stateful<A>
  #ownerKey: string
  #listeners = 0
  #isClosing = false
  #isOwner = true

  /** `onOpen` is called when the room is ours for the first time. */
  constructor(url: string, options: PresentOptions, onOpen: () => void) {
    const { uuid = '', ownerKey = '' } = options
    super(socketUrl(url, uuid === '' ? BROADCASTING : roomSocketPath(uuid)), uuid, options)
    this.#origin = new URL(url).origin.replace(/^ws/, 'http')
    this.#ownerKey = ownerKey
    this.#onOpen = onOpen
    this.#stateful = this.#statefulUnder({})
  }

  get link(): string {
    return audienceLink(this.#origin, this.uuid)
  }

  get ownerKey(): string {
    return this.#ownerKey
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
    this.#isClosing = true
    this.#sendClose()
    return new Promise((resolve) => {
      if (this.status === 'ended') return resolve()
      this.when('status', (status) => status === 'ended' && resolve())
    })
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
    this.#outbox.resend()
    if (this.#isClosing) this.#sendClose()
    this.#onOpen()
  }

  protected override take(message: Broadcast): void {
    if (message.from === undefined) return super.take(message)
    this.emit('feedback', { action: message.funcKey, params: message.funcParams, from: message.from })
  }

  protected happened(event: RoomEvent): void {
    if (event.type === 'ack') this.#acknowledge(event)
    else if (event.type === 'listeners') this.#count(event)
    else if (event.type === 'role') this.#demote()
    else if (event.type === 'stale' && !event.stale) this.#outbox.release()
    else if (event.type === 'error') {
      const error = errorOf(event)
      if (event.id === undefined || this.#outbox.fail(event.id, error)) this.problem(error)
    }
  }

  protected override finish(problem: Problem): void {
    super.finish(problem)
    this.#outbox.failAll(errorOf(problem))
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
    if (this.ending !== undefined) return Promise.reject(errorOf(this.ending))
    if (!this.#isOwner) return Promise.reject(errorOf({ code: 'not_owner', message: 'the room was handed over' }))
    const answer = this.#outbox.put(message, isTargeted)
    // Who does not wait for the answer learns of a refusal all the same.
    answer.catch((error) => this.problem(error))
    return answer
  }

  #acknowledge({ id, position }: Extract<RoomEvent, { type: 'ack' }>): void {
    this.acknowledged(position.seq)
    this.#outbox.acknowledge(id)
  }

  #demote(): void {
    this.#isOwner = false
    this.#ownerKey = ''
    this.#outbox.failAll(errorOf({ code: 'not_owner', message: 'the room was handed over' }))
    this.emit('handedOver', undefined)
  }

  #sendClose(): void {
    if (this.isIn) this.line.send(JSON.stringify(envelope(this.uuid, 4)))
  }

  #count({ count, joined, left }: Extract<RoomEvent, { type: 'listeners' }>): void {
    this.#listeners = count
    this.emit('listeners', { count, joined, left })
  }
}
