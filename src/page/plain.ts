import type { Presentation } from '../sdk/index.ts'
import type { Show } from './actions.ts'

/** Broadcasts what is of use now or never: without a line it is left out, where the SDK would keep it for the next one. */
export function sayNow<N extends keyof Show>(room: Presentation<Show>, action: N, ...params: Show[N]): void {
  if (room.status === 'live') void room.broadcast(action, ...params)
}
