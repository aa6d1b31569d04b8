import { present, RoomcastError } from '../sdk/index.ts'
import type { Show } from './actions.ts'
import { el } from './dom.ts'
import { landing, masthead } from './landing.ts'
import { type Held, held, letGo } from './memory.ts'
import { presentIn } from './presenter.ts'

/** The answers after which there is nothing left to take back. */
const LOST = new Set(['take_back_refused', 'room_not_found', 'room_closed', 'room_abandoned', 'room_lost'])

/** Opens a room and presents in it, or takes back the one that this tab held before it was reloaded. */
export async function open(root: HTMLElement, room?: Held): Promise<void> {
  const words = room === undefined ? 'Opening a room' : 'Taking your room back'
  root.replaceChildren(masthead(), el('main', { class: 'opening' }, el('p', { role: 'status' }, words)))
  try {
    presentIn(root, await present<Show>(location.origin, room), room === undefined)
  } catch (error) {
    const lost = error instanceof RoomcastError && LOST.has(error.code)
    if (lost) letGo()
    const not = room === undefined ? 'There is no room yet' : 'Your room is not taken back yet'
    const says = lost ? 'Your room could not be taken back: it has ended.' : `${not}: ${reason(error)}.`
    landing(root, () => void open(root, held()), { says, button: lost ? 'Present in a new room' : 'Try again' })
  }
}

function reason(error: unknown): string {
  if (error instanceof RoomcastError && error.code === 'unreachable') return 'the server does not answer'
  if (error instanceof RoomcastError) return `${error.message} (${error.code})`
  return error instanceof Error ? error.message : String(error)
}
