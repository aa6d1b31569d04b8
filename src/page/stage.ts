import type { Stroke } from './actions.ts'
import { deck } from './deck.ts'
import { el } from './dom.ts'
import { Ink } from './ink.ts'
import { PointerMark } from './pointer.ts'
import type { Scene } from './scene.ts'
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
  show(scene: Scene, animate: boolean): void {
    if (scene.slide === undefined) return
    const points = ([, drawn]: [string, Stroke]) => drawn
    this.#ink.show(scene.strokes().map(points), scene.traces().map(points))
    if (scene.slide === this.#index) return
    const slide = slideElement(scene.slide)
    if (animate) slide.classList.add(scene.slide < (this.#index ?? 0) ? 'from-left' : 'from-right')
    this.#index = scene.slide
    this.#frame.replaceChildren(slide)
    this.#turned(scene.slide)
    document.title = `${deck[scene.slide]!.title.join(' ')} · roomcast`
  }

  /** Something to read over the slide, which stays visible behind it. */
  cover(...content: Node[]): void {
    this.pointer.away()
    this.element.append(el('div', { class: 'cover' }, ...content))
  }
}
