import type { Following, Status } from '../sdk/index.ts'
import type { Show } from './actions.ts'
import type { Full } from './blackboard.ts'
import { el } from './dom.ts'

/** What a status is called, and what it means for who looks at the page. */
export type Words = readonly [label: string, meaning: string]

export const AUDIENCE: Readonly<Record<Exclude<Status, 'ended'> | 'waiting' | 'late', Words>> = {
  connecting: ['Joining', 'Looking for the room.'],
  late: ['Joining', 'The server does not answer yet. Still trying.'],
  live: ['Live', 'You see what the presenter shows now.'],
  waiting: ['Waiting', 'The presenter’s connection is lost. The room waits for them to come back.'],
  reconnecting: ['Reconnecting', 'Connection lost. What you see may be a moment old.'],
  stale: ['Out of date', 'The room cannot be reached just now. What you see may be old. Still trying.'],
}

export const PRESENTER: Readonly<Record<Exclude<Status, 'ended'>, Words>> = {
  connecting: ['Opening', 'Opening the room.'],
  live: ['On air', 'Your audience sees what you show.'],
  reconnecting: ['Reconnecting', 'Connection lost. What you show now, your audience sees when it is back.'],
  stale: ['Off air', 'The room does not answer just now. Your audience does not see what you show. Still trying.'],
}

/** What had no room for another stroke, and what to do about it. */
export const FULL: Readonly<Record<Full, string>> = {
  slide:
    'This slide’s drawing is full, and your line was not kept. Undo or clear some of it, or draw on another slide.',
  room: 'The room can keep no more drawing, and your line was not kept. Undo or clear some, on this slide or on others.',
}

/** Why it is over. */
export function farewell(ending: Following<Show>['ending'], who: 'listener' | 'presenter'): Words {
  switch (ending?.code) {
    case 'room_closed':
      if (who === 'presenter') return ['The show is over.', 'The room is closed, and everyone has been told.']
      return ['The show is over.', 'The presenter has ended it. Thank you for being here.']
    case 'room_abandoned':
      return ['The show is over.', 'The presenter’s connection was lost, and was not back in time.']
    case 'room_lost':
      return ['The show was lost.', 'The server has lost the room.']
    case 'room_not_found':
      return ['There is no such room.', 'Its show has ended, or the link is not whole.']
    case 'take_back_refused':
      return ['The room is gone.', 'It ended while your connection was lost.']
    case 'origin_refused':
      return ['This address is refused.', `${ending.message} (${ending.code}).`]
    case 'displaced':
      return ['Taken over.', 'This room is now presented from another window.']
    default:
      return ['This has ended.', ending?.message ?? 'The room is closed.']
  }
}

export class StatusLine {
  readonly element = el('p', { class: 'status', role: 'status', 'data-testid': 'status', 'data-status': 'connecting' })

  say(status: Status, [label, meaning]: Words, waiting = false): void {
    this.element.dataset.status = status
    this.element.classList.toggle('waiting', waiting)
    this.element.replaceChildren(el('b', {}, label), ' ', el('span', {}, meaning))
  }
}
