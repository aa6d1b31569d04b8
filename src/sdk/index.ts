import { RoomcastError } from './errors.ts'
import { RoomFollowing } from './following.ts'
import { errorOf } from './member.ts'
import { RoomPresentation } from './presentation.ts'
import type { Actions, Following, Options, Presentation, PresentOptions } from './types.ts'

export type { Problem } from '../protocol/codes.ts'
export type * from './types.ts'
export { RoomcastError }

const OPEN_WITHIN = 10_000

/**
 * Opens a room on the server at `url`, or takes one back (`uuid` and `ownerKey`). Resolves when it is ours: handlers that are
 * put up right after get the whole replay of a room that was taken back. Rejects with a `RoomcastError`: `unreachable`
 * when it could not be had in time, else the server's own code (`take_back_refused`, `server_full`).
 */
export function present<A extends Actions = Actions>(
  url: string | URL,
  options: PresentOptions = {},
): Promise<Presentation<A>> {
  return new Promise((resolve, reject) => {
    const { openWithin = OPEN_WITHIN } = options
    const room: RoomPresentation<A> = new RoomPresentation<A>(String(url), options, () => settle(() => resolve(room)))
    const stop = room.when('status', (status) => {
      if (status === 'ended') settle(() => reject(errorOf(room.ending!)))
    })
    const timer = setTimeout(() => {
      settle(() => reject(new RoomcastError({ code: 'unreachable', message: `no room at ${url} in ${openWithin} ms` })))
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

/** Follows a room of the server at `url`. Handlers that are put up in the same turn get all of the replay. */
export function follow<A extends Actions = Actions>(
  url: string | URL,
  uuid: string,
  options: Options = {},
): Following<A> {
  const room = new RoomFollowing<A>(String(url), uuid, options, (ownerKey) =>
    present(url, { ...options, uuid, ownerKey }),
  )
  queueMicrotask(() => room.line.connect())
  return room
}
