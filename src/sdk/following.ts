import type { RoomEvent } from '../protocol/messages.ts'
import { errorOf, RoomMember } from './member.ts'
import { envelope, hello, socketUrl } from './text.ts'
import type { Actions, ActionsOf, Following, FollowingEvents, Name, Options, Presentation } from './types.ts'

/** Feedback that may wait for an answer: no more than a server forgives when all of it is too much (B1). */
const CAPACITY = 20

export class RoomFollowing<A extends ActionsOf<A>, F extends ActionsOf<F> = Actions>
  extends RoomMember<A, FollowingEvents<A, F>>
  implements Following<A, F>
{
  readonly #takeOver: (ownerKey: string) => Promise<Presentation<A, F>>

  /** `takeOver` presents this room with a key that its owner has offered. */
  constructor(
    url: string,
    uuid: string,
    options: Options,
    takeOver: (ownerKey: string) => Promise<Presentation<A, F>>,
  ) {
    super(socketUrl(url, uuid), uuid, options, CAPACITY)
    this.#takeOver = takeOver
  }

  feedback<N extends Name<F>>(action: N, ...params: F[N]): Promise<void> {
    // As with messages to single clients, the log does not know it: said again, it could be heard twice.
    return this.say({ ...envelope(this.uuid, 3), funcKey: action, funcParams: params }, true)
  }

  hello(): string {
    return hello(this.uuid, 2, { since: this.since })
  }

  protected get hearsAll(): boolean {
    return true
  }

  protected entered(): void {}

  /** Feedback that is late says nothing of what is shown. */
  protected override overdue(): void {}

  async #accept(ownerKey: string): Promise<Presentation<A, F>> {
    const room = await this.#takeOver(ownerKey)
    this.leave()
    return room
  }

  protected happened(event: RoomEvent): void {
    if (event.type === 'owner') this.emit('owner', { here: event.here })
    else if (event.type === 'handover') {
      this.emit('handover', { accept: () => this.told(this.#accept(event.ownerKey)) })
    } else if (event.type === 'lagged') this.emit('lagged', { missed: event.missed })
    else if (event.type === 'ack') this.outbox.acknowledge(event.id)
    else if (event.type === 'error') this.refused(errorOf(event), event.id)
  }
}
