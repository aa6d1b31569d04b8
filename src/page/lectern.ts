import type { Presentation } from '../sdk/index.ts'
import type { Show } from './actions.ts'
import { deck, nearest } from './deck.ts'
import type { Turn } from './keys.ts'
import type { Scene } from './scene.ts'

/** The presenter's hand on the slides. The slide is state: only the newest counts, and late joiners get it. */
export class Lectern {
  readonly #room: Presentation<Show>
  readonly #scene: Scene
  readonly #changed: (animate: boolean) => void
  #wanted = 0

  constructor(room: Presentation<Show>, scene: Scene, changed: (animate: boolean) => void) {
    this.#room = room
    this.#scene = scene
    this.#changed = changed
  }

  turn(way: Turn): void {
    const from = this.#scene.slide ?? -1
    const to = nearest({ next: from + 1, previous: from - 1, first: 0, last: deck.length }[way])
    if (to !== from) this.show(to)
  }

  show(slide: number): void {
    if (this.#room.status === 'ended') return
    this.#wanted = slide
    this.#scene.turn(slide)
    this.#changed(true)
    this.#room.state('slide', slide).then(
      () => this.#insist(slide),
      // The room's `problem` says why it was refused.
      () => undefined,
    )
  }

  /** Turned while the line was gone: what the room replays at first is the slide before. */
  #insist(slide: number): void {
    if (slide !== this.#wanted || slide === this.#scene.slide) return
    this.#scene.turn(slide)
    this.#changed(false)
  }
}
