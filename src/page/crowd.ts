import { el } from './dom.ts'
import { hall } from './hall.ts'

/** Who is there: a seat is lit for each listener. */
export class Crowd {
  readonly element: HTMLElement
  readonly #hall = hall()
  readonly #count = el('b', { 'data-testid': 'listeners' })

  constructor() {
    const words = el('p', {}, this.#count, ' listening')
    this.element = el('section', { class: 'crowd', 'aria-label': 'Audience' }, this.#hall.element, words)
  }

  show(listeners: number): void {
    this.#count.textContent = String(listeners)
    this.#hall.seat(listeners)
  }
}
