import type { Stroke } from './actions.ts'
import { el } from './dom.ts'
import { type Area, area, PEN, path, UNITS } from './path.ts'

/** A canvas with strokes on it. Of what is on it already, only that is painted again from which something was taken. */
export class Layer {
  readonly element = el('canvas', { 'aria-hidden': true })
  #painted = new Set<Stroke>()

  show(strokes: Iterable<Stroke>): void {
    const wanted = new Set(strokes)
    const context = this.element.getContext('2d')
    const { clientWidth, clientHeight } = this.element
    if (context === null || clientWidth === 0) return
    this.#fit(Math.round(clientWidth * devicePixelRatio), Math.round(clientHeight * devicePixelRatio))
    const painted = this.#painted
    this.#painted = wanted
    const gone = [...painted].filter((stroke) => !wanted.has(stroke))
    const kept = [...painted].filter((stroke) => wanted.has(stroke))
    const fresh = [...wanted].filter((stroke) => !painted.has(stroke))
    if (gone.length > 0) this.#repaint(context, gone.map(area), kept)
    if (fresh.length > 0) this.#paint(context, fresh)
  }

  /** All has to be painted anew. */
  forget(): void {
    this.element.width = this.element.width
    this.#painted.clear()
  }

  #fit(width: number, height: number): void {
    if (this.element.width === width && this.element.height === height) return
    this.element.width = width
    this.element.height = height
    this.#painted.clear()
  }

  /** Empties the areas, and paints what else was in them. */
  #repaint(context: CanvasRenderingContext2D, areas: readonly Area[], strokes: readonly Stroke[]): void {
    const { width, height } = this.element
    context.save()
    context.beginPath()
    for (const { left, top, right, bottom } of areas) {
      // Whole pixels: an edge in the middle of one would be painted over itself.
      const x = Math.floor((left / UNITS.width) * width)
      const y = Math.floor((top / UNITS.height) * height)
      const across = Math.ceil((right / UNITS.width) * width) - x
      const down = Math.ceil((bottom / UNITS.height) * height) - y
      context.clearRect(x, y, across, down)
      context.rect(x, y, across, down)
    }
    context.clip()
    this.#paint(
      context,
      strokes.filter((stroke) => areas.some((one) => meet(one, area(stroke)))),
    )
    context.restore()
  }

  #paint(context: CanvasRenderingContext2D, strokes: readonly Stroke[]): void {
    const { width, height } = this.element
    context.save()
    context.scale(width / UNITS.width, height / UNITS.height)
    context.strokeStyle = getComputedStyle(this.element).color
    context.lineWidth = PEN
    context.lineCap = 'round'
    context.lineJoin = 'round'
    for (const stroke of strokes) context.stroke(path(stroke))
    context.restore()
  }
}

function meet(one: Area, other: Area): boolean {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom
}
