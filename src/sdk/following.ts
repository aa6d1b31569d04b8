import type { Json, RoomEvent } from '../protocol/messages.ts'
import { roomSocketPath } from '../protocol/routes.ts'
import { errorOf, RoomMember } from './member.ts'
import { envelope, socketUrl } from './text.ts'
import type { Actions, Following, FollowingEvents, Options } from './types.ts'

export class RoomFollowing<A extends Actions> extends RoomMember<A, FollowingEvents> implements Following<A> {
  constructor(url: string, uuid: string, options: Options) {
    super(socketUrl(url, roomSocketPath(uuid)), uuid, options)
  }

  feedback(action: string, ...params: Json[]): boolean {
    return this.line.send(JSON.stringify({ ...envelope(this.uuid, 3), funcKey: action, funcParams: params }))
  }

  hello(): string {
    return JSON.stringify({ ...envelope(this.uuid, 2), since: this.since })
  }

  protected entered(): void {}

  protected happened(event: RoomEvent): void {
    if (event.type === 'owner') this.emit('owner', { here: event.here })
    else if (event.type === 'lagged') this.emit('lagged', { missed: event.missed })
    else if (event.type === 'error' && this.status === 'live') this.problem(errorOf(event))
  }
}
