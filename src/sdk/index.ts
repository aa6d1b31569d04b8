import { RoomcastError } from './errors.ts'
import { RoomFollowing } from './following.ts'
import { errorOf } from './member.ts'
import { RoomPresentation } from './presentation.ts'
import { roomOf } from './text.ts'
import type { Actions, ActionsOf, Following, Options, Presentation, PresentOptions } from './types.ts'

export type { Problem } from '../protocol/codes.ts'
export type { Limits } from '../protocol/messages.ts'
export type * from './types.ts'
export { RoomcastError, roomOf }

const OPEN_WITHIN = 10_000

/**
 * Opens a room on the server at `url`, or takes one back (`uuid` and `ownerKey`). Resolves when it is ours. Rejects with a
 * `RoomcastError`: at once with the server's own code where another try is of no use (`take_back_refused`,
 * `origin_refused`); when it could not be had in time, with what the server last said (`server_full`), or `unreachable`.
 */
export function present<A extends ActionsOf<A> = Actions, F extends ActionsOf<F> = Actions>(
  url: string | URL,
  options: PresentOptions = {},
): Promise<Presentation<A, F>> {
  return new Promise((resolve, reject) => {
    const { openWithin = OPEN_WITHIN } = options
    const room: RoomPresentation<A, F> = new RoomPresentation<A, F>(String(url), options, () =>
      settle(() => resolve(room)),
    )
    const stop = room.when('status', (status) => {
      if (status === 'ended') settle(() => reject(errorOf(room.ending!)))
    })
    const timer = setTimeout(() => {
      const unreachable = { code: 'unreachable', message: `no room at ${url} in ${openWithin} ms` } as const
      settle(() => reject(room.refusal ? errorOf(room.refusal) : new RoomcastError(unreachable)))
      room.leave()
    }, openWithin)
    room.line.connect()

    function settle(how: () => void): void {
      clearTimeout(timer)
      stop()
      how()
    }
  })
}

/**
 * Follows a room of the server at `url`. `uuid`: of the link that was opened, `roomOf(location)`; where there is no such room,
 * or no uuid, it ends with `room_not_found`.
 */
export function follow<A extends ActionsOf<A> = Actions, F extends ActionsOf<F> = Actions>(
  url: string | URL,
  uuid: string | undefined,
  options: Options = {},
): Following<A, F> {
  const room: RoomFollowing<A, F> = new RoomFollowing<A, F>(String(url), uuid ?? '', options, (ownerKey) =>
    present<A, F>(url, { ...options, uuid: room.uuid, ownerKey }),
  )
  queueMicrotask(() => room.line.connect())
  return room
}
