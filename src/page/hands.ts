import type { Presentation } from '../sdk/index.ts'
import type { Show } from './actions.ts'
import type { Blackboard } from './blackboard.ts'
import type { Controls } from './controls.ts'
import { turningByKey, turningBySwipe } from './keys.ts'
import type { Lectern } from './lectern.ts'
import { pen } from './pen.ts'
import { sayNow } from './plain.ts'
import { pointing } from './pointer.ts'
import type { Stage } from './stage.ts'

interface Workplace {
  readonly room: Presentation<Show>
  readonly stage: Stage
  readonly controls: Controls
  readonly lectern: Lectern
  readonly board: Blackboard
}

/** What mouse, finger and keys do on the presenter's stage. */
export function hands({ room, stage, controls, lectern, board }: Workplace): void {
  const surface = stage.element
  const stroke = pen(surface, () => controls.penTaken, {
    trace: (id, points) => board.trace(id, points),
    done: (id, points) => void board.stroke(id, points),
  })
  controls.onPen = (taken) => {
    stroke.lift()
    stage.pointer.away()
    surface.classList.toggle('drawn-on', taken)
  }
  pointing(surface, () => !controls.penTaken && room.status !== 'ended', {
    at(x, y) {
      stage.pointer.at(x, y)
      sayNow(room, 'pointer', x, y)
    },
    away() {
      stage.pointer.away()
      sayNow(room, 'pointerAway')
    },
  })
  turningBySwipe(
    surface,
    () => !controls.penTaken,
    (way) => lectern.turn(way),
  )
  turningByKey((way) => {
    stroke.lift()
    lectern.turn(way)
  })
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') controls.putDownPen()
    if (event.key === 'z' && (event.ctrlKey || event.metaKey)) void board.undo()
  })
}
