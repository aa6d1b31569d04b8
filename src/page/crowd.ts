import { el } from './dom.ts'
import { hall } from './hall.ts'

/** Who is there: a seat is lit for each listener. */
export class Crowd {
  readonly element: HTMLElement
  readonly #hall = hall()
  readonly #count = el('b', { 'data-testid': 'listeners' })
  readonly #verb = el('span')

  constructor() {
    const words = el('p', {}, this.#count, ' ', this.#verb)
    this.element = el('section', { class: 'crowd', 'aria-label': 'Audience' }, this.#hall.element, words)
  }

  /** `isKnown`: false where it is what was so when there was a connection. */
  show(listeners: number, isKnown: boolean): void {
    this.#count.textContent = String(listeners)
    this.#verb.textContent = isKnown ? 'listening' : listeners === 1 ? 'was listening' : 'were listening'
    this.element.classList.toggle('old', !isKnown)
    this.#hall.seat(listeners)
  }
}
