import { follow } from '../sdk/index.ts'
import { REACTION, type Show } from './actions.ts'
import { deck } from './deck.ts'
import { el } from './dom.ts'
import { masthead } from './landing.ts'
import { reactionButtons } from './reactions.ts'
import { keep, Scene } from './scene.ts'
import { Stage } from './stage.ts'
import { AUDIENCE, farewell, StatusLine } from './status.ts'

/** Milliseconds after which it is said that the server is late with its first answer. */
const LATE = 5000

/** The listener's side: follows the room, and shows what its presenter shows. */
export function watch(root: HTMLElement, uuid: string): void {
  const room = follow<Show>(location.origin, uuid)
  const scene = new Scene()
  const count = el('span', { class: 'count' })
  const note = el('p', { class: 'note' })
  const stage = new Stage('Joining the room', (index) => {
    count.textContent = `${index + 1} / ${deck.length}`
    note.textContent = deck[index]!.note
  })
  const status = new StatusLine()
  let ownerHere = true

  /** What the server says of why it does not let us in, as long as that is so. */
  let refusal = ''

  let isLate = false

  const tell = () => {
    if (room.status === 'ended') return
    if (room.status === 'live') refusal = ''
    const waiting = room.status === 'live' && !ownerHere
    const late = room.status === 'connecting' && isLate
    const [label, meaning] = AUDIENCE[waiting ? 'waiting' : late ? 'late' : room.status]
    status.say(room.status, [label, refusal || meaning], waiting)
    stage.element.classList.toggle('old', room.status === 'reconnecting' || room.status === 'stale')
  }

  const forgetTraces = () => {
    scene.forgetTraces()
    stage.show(scene, false)
  }

  keep(scene, room)
  // What is traced while its presenter is away was under way when the line broke off, and nothing will come of it.
  room.on('trace', (slide, id, points) => ownerHere && scene.trace(slide, id, points))
  room.on('lifted', () => scene.forgetTraces())
  room.on('pointer', (x, y) => stage.pointer.at(x, y))
  room.on('pointerAway', () => stage.pointer.away())
  // After the handlers of `on`: the scene is up to date, and what is only replayed comes without a flourish.
  room.each(({ action, replay }) => {
    if (!action.startsWith('pointer')) stage.show(scene, !replay)
  })

  room.when('owner', ({ here }) => {
    ownerHere = here
    if (!here) stage.pointer.away()
    forgetTraces()
    tell()
  })
  room.when('problem', (error) => {
    if (room.status !== 'live') refusal = `Still trying: ${error.message}.`
    else console.error(error)
    tell()
  })
  // The end of a stroke may be among what was missed.
  room.when('lagged', () => forgetTraces())
  room.when('status', (now) => {
    if (now !== 'live') stage.pointer.away()
    // Whatever is heard after a gap is news: an owner that is still gone is told of again.
    if (now === 'reconnecting') ownerHere = true
    tell()
    if (now !== 'ended') return
    const words = farewell(room.ending, 'listener')
    status.say('ended', words)
    stage.cover(
      el('h2', {}, words[0]),
      el('p', {}, words[1]),
      el('a', { href: '/', class: 'primary' }, 'Present yourself'),
    )
    reactions.remove()
  })

  const reactions = reactionButtons(async (reaction) => {
    // Applause is of use now or never: without a line the SDK would keep it for the next one.
    if (room.status !== 'live') return false
    return room.feedback(REACTION, reaction).then(
      () => true,
      () => false,
    )
  })
  const foot = el('footer', { class: 'foot' }, note, reactions)
  setTimeout(() => {
    isLate = true
    tell()
  }, LATE)
  root.replaceChildren(masthead(status.element, count), el('main', { class: 'watching' }, stage.element, foot))
  tell()
}
