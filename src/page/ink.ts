import type { Stroke } from './actions.ts'
import { el } from './dom.ts'
import { Layer } from './layer.ts'
import type { Drawn } from './scene.ts'

/** Who knows the drawing: the scene, and for the presenter the blackboard. */
export interface Drawing {
  readonly slide: number | undefined
  strokes(): Iterable<Drawn>
  traces(): Iterable<Drawn>
}

/** The drawing over a slide. A stroke that is being traced has a layer of its own: what is done is not painted again for it. */
export class Ink {
  readonly element: HTMLElement
  readonly #strokes = new Layer()
  readonly #traces = new Layer()
  #drawing: Drawing | undefined
  #frame = 0

  constructor() {
    const layers = [this.#strokes.element, this.#traces.element]
    this.element = el('div', { class: 'ink', 'data-testid': 'ink', 'data-strokes': 0, 'aria-hidden': true }, ...layers)
    new ResizeObserver(() => this.#paint()).observe(this.element)
    // The pen's colour is the theme's.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#strokes.forget()
      this.#traces.forget()
      this.#paint()
    })
  }

  /** There is something else to show. It is asked for, and painted, once a frame, however often that is said. */
  show(drawing: Drawing): void {
    this.#drawing = drawing
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#paint())
  }

  #paint(): void {
    cancelAnimationFrame(this.#frame)
    this.#frame = 0
    if (this.#drawing === undefined) return
    const strokes = this.#here(this.#drawing.strokes())
    this.element.dataset.strokes = String(strokes.length)
    this.#strokes.show(strokes)
    this.#traces.show(this.#here(this.#drawing.traces()))
  }

  #here(drawn: Iterable<Drawn>): Stroke[] {
    return [...drawn].filter(({ slide }) => slide === this.#drawing?.slide).map(({ points }) => points)
  }
}
