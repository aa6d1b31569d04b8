import { type Presentation, RoomcastError } from '../sdk/index.ts'
import { REACTION, type Show } from './actions.ts'
import { Blackboard } from './blackboard.ts'
import { closing } from './closing.ts'
import { Controls } from './controls.ts'
import { Crowd } from './crowd.ts'
import { deck } from './deck.ts'
import { el } from './dom.ts'
import { hands } from './hands.ts'
import { masthead } from './landing.ts'
import { Lectern } from './lectern.ts'
import { hold, letGo } from './memory.ts'
import { Notice } from './notice.ts'
import { float } from './reactions.ts'
import { keep, Scene } from './scene.ts'
import { shareCard } from './share.ts'
import { Stage } from './stage.ts'
import { FULL, farewell, PRESENTER, StatusLine } from './status.ts'

/** The presenter's side. Synchronous to its end, so that the handlers hear all of the replay of a room taken back. */
export function presentIn(root: HTMLElement, room: Presentation<Show>, isNew: boolean): void {
  hold(room)
  const scene = new Scene()
  const note = el('p', { class: 'note' })
  const notice = new Notice()
  const status = new StatusLine()
  const crowd = new Crowd()
  const stage = new Stage('Setting the stage', (index) => {
    note.textContent = deck[index]!.note
  })
  const show = (animate: boolean) => {
    stage.show(board, animate)
    if (scene.slide !== undefined) controls.show(scene.slide, board.isEmpty)
    notice.hold(board.full && FULL[board.full])
  }
  const lectern = new Lectern(room, scene, (animate) => {
    board.full = undefined
    show(animate)
  })
  const board = new Blackboard(room, scene, () => show(false))
  const controls = new Controls(lectern, board)
  const { end, dialog } = closing(() => void room.close())
  const side = el('aside', { class: 'side' }, crowd.element, shareCard(room.link))

  const tell = () => {
    crowd.show(room.listeners, room.status === 'live')
    if (room.status !== 'ended') return status.say(room.status, PRESENTER[room.status])
    letGo()
    controls.putDownPen()
    const [label, meaning] = farewell(room.ending, 'presenter')
    status.say('ended', [label, meaning])
    for (const gone of [end, controls.element, side, notice.element]) gone.remove()
    stage.cover(el('h2', {}, label), el('p', {}, meaning), el('a', { href: '/', class: 'primary' }, 'Present again'))
  }

  keep(scene, room)
  room.each(() => show(false))
  room.when('status', tell)
  room.when('problem', (error) => isSaid(error) || notice.say(error.message))
  room.when('listeners', ({ count }) => crowd.show(count, room.status === 'live'))
  room.when('feedback', ({ action, params }) => {
    if (action === REACTION) float(stage.element, params[0])
  })
  hands({ room, stage, controls, lectern, board })

  // A room that was taken back has its slide, and the replay is about to say which.
  if (isNew) lectern.show(0)
  // A stroke that was under the pen of the page before: nobody else can end it.
  else void room.broadcast('lifted')
  tell()
  const middle = el('div', { class: 'middle' }, stage.element, controls.element, notice.element, note)
  root.replaceChildren(masthead(status.element, end), el('main', { class: 'presenting' }, middle, side), dialog)
}

/** The notice of what is full says it in better words. */
function isSaid(error: Error): boolean {
  return error instanceof RoomcastError && error.code === 'state_full'
}
