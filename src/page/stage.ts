import { deck } from './deck.ts'
import { el } from './dom.ts'
import { type Drawing, Ink } from './ink.ts'
import { PointerMark } from './pointer.ts'
import { slideElement } from './slide.ts'

/** Where a slide, its drawing and the pointer are shown. */
export class Stage {
  readonly element: HTMLElement
  readonly pointer = new PointerMark()
  readonly #ink = new Ink()
  readonly #frame = el('div', { class: 'frame', 'aria-live': 'polite' })
  readonly #turned: (index: number) => void
  #index: number | undefined

  /** `turned` is told of each slide that comes to be shown. */
  constructor(waiting: string, turned: (index: number) => void) {
    this.#turned = turned
    this.#frame.append(el('p', { class: 'placeholder' }, waiting))
    this.element = el('section', { class: 'stage', 'data-testid': 'stage', 'aria-label': 'Stage' })
    this.element.append(this.#frame, this.#ink.element, this.pointer.element)
  }

  /** `animate` is false for what is not news: the replay that a late joiner gets. */
  show(drawing: Drawing, animate: boolean): void {
    const { slide: index } = drawing
    if (index === undefined) return
    this.#ink.show(drawing)
    if (index === this.#index) return
    const slide = slideElement(index)
    if (animate) slide.classList.add(index < (this.#index ?? 0) ? 'from-left' : 'from-right')
    this.#index = index
    this.#frame.replaceChildren(slide)
    this.#turned(index)
    document.title = `${deck[index]!.title.join(' ')} · roomcast`
  }

  /** Something to read over the slide, which stays visible behind it. */
  cover(...content: Node[]): void {
    this.pointer.away()
    this.element.append(el('div', { class: 'cover' }, ...content))
  }
}
