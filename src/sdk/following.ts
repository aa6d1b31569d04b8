import type { Json, RoomEvent } from '../protocol/messages.ts'
import { BROADCASTING, roomSocketPath } from '../protocol/routes.ts'
import { errorOf, RoomMember } from './member.ts'
import { envelope, hello, socketUrl } from './text.ts'
import type { Actions, Following, FollowingEvents, Options, Presentation } from './types.ts'

export class RoomFollowing<A extends Actions> extends RoomMember<A, FollowingEvents> implements Following<A> {
  readonly #takeOver: (ownerKey: string) => Promise<Presentation<Actions>>

  /** `takeOver` presents this room with a key that its owner has offered. */
  constructor(
    url: string,
    uuid: string,
    options: Options,
    takeOver: (ownerKey: string) => Promise<Presentation<Actions>>,
  ) {
    super(socketUrl(url, uuid === '' ? BROADCASTING : roomSocketPath(uuid)), uuid, options)
    this.#takeOver = takeOver
  }

  feedback(action: string, ...params: Json[]): boolean {
    return this.line.send(JSON.stringify({ ...envelope(this.uuid, 3), funcKey: action, funcParams: params }))
  }

  hello(): string {
    return hello(this.uuid, 2, { since: this.since })
  }

  protected get hearsAll(): boolean {
    return true
  }

  protected entered(): void {}

  async #accept(ownerKey: string): Promise<Presentation<Actions>> {
    const room = await this.#takeOver(ownerKey)
    this.leave()
    return room
  }

  protected happened(event: RoomEvent): void {
    if (event.type === 'owner') this.emit('owner', { here: event.here })
    else if (event.type === 'handover') this.emit('handover', { accept: () => this.#accept(event.ownerKey) })
    else if (event.type === 'lagged') this.emit('lagged', { missed: event.missed })
    else if (event.type === 'error') this.problem(errorOf(event))
  }
}
