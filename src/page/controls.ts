import type { Blackboard } from './blackboard.ts'
import { deck } from './deck.ts'
import { button, el, enable } from './dom.ts'
import { icon } from './icons.ts'
import type { Lectern } from './lectern.ts'

/** The presenter's buttons below the stage. */
export class Controls {
  readonly element: HTMLElement
  /** Told when the pen is taken up, or put down. */
  onPen: (taken: boolean) => void = () => undefined
  readonly #previous: HTMLButtonElement
  readonly #next: HTMLButtonElement
  readonly #pen: HTMLButtonElement
  readonly #undo: HTMLButtonElement
  readonly #clear: HTMLButtonElement
  readonly #count = el('span', { class: 'count' })

  constructor(lectern: Lectern, board: Blackboard) {
    const tool = (label: string, name: Parameters<typeof icon>[0], press: () => void) =>
      button(label, { class: 'tool', 'data-testid': name, title: label }, press, icon(name))
    this.#previous = tool('Previous', 'previous', () => lectern.turn('previous'))
    this.#next = tool('Next', 'next', () => lectern.turn('next'))
    this.#undo = tool('Undo', 'undo', () => void board.undo())
    this.#clear = tool('Clear', 'clear', () => void board.clear())
    this.#pen = tool('Pen', 'pen', () => {
      this.#pen.ariaPressed = String(!this.penTaken)
      this.onPen(this.penTaken)
    })
    this.#pen.ariaPressed = 'false'
    this.element = el(
      'div',
      { class: 'controls', role: 'group', 'aria-label': 'Show' },
      el(
        'div',
        {},
        el('div', { class: 'turning' }, this.#previous, this.#count, this.#next),
        el('div', { class: 'drawing' }, this.#pen, this.#undo, this.#clear),
      ),
    )
  }

  /** Whether the pen is taken up. */
  get penTaken(): boolean {
    return this.#pen.ariaPressed === 'true'
  }

  putDownPen(): void {
    if (this.penTaken) this.#pen.click()
  }

  show(slide: number, empty: boolean): void {
    this.#count.textContent = `${slide + 1} / ${deck.length}`
    enable(this.#previous, slide > 0)
    enable(this.#next, slide < deck.length - 1)
    enable(this.#undo, !empty)
    enable(this.#clear, !empty)
  }
}
