import type { Stroke } from './actions.ts'
import { el } from './dom.ts'

/**
 * The canvas is drawn on in these units, whatever its size, so that a line is as thick as it is wide on any screen.
 * `bend` is how near to a point its corner begins: a curve of short steps becomes smooth, a corner stays one.
 */
const UNITS = { width: 1600, height: 900, pen: 8, bend: 14 }

const paths = new WeakMap<Stroke, Path2D>()

interface Place {
  readonly x: number
  readonly y: number
}

/** The place on the way from `from` to `to` where a corner at `from` ends. */
function bend(from: Place, to: Place): Place {
  const length = Math.hypot(to.x - from.x, to.y - from.y)
  const part = Math.min(0.5, UNITS.bend / length)
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part }
}

function trace(points: Stroke): Path2D {
  const path = new Path2D()
  const count = Math.floor(points.length / 2)
  const at = (index: number): Place => ({
    x: (points[index * 2] ?? 0) * UNITS.width,
    y: (points[index * 2 + 1] ?? 0) * UNITS.height,
  })
  const first = at(0)
  path.moveTo(first.x, first.y)
  for (let index = 1; index < count - 1; index++) {
    const corner = at(index)
    const begin = bend(corner, at(index - 1))
    const end = bend(corner, at(index + 1))
    path.lineTo(begin.x, begin.y)
    path.quadraticCurveTo(corner.x, corner.y, end.x, end.y)
  }
  // A stroke of one point ends where it began: a dot, by the round caps.
  const last = at(count - 1)
  path.lineTo(last.x, last.y)
  return path
}

function path(stroke: Stroke): Path2D {
  const known = paths.get(stroke) ?? trace(stroke)
  paths.set(stroke, known)
  return known
}

/** The drawing over a slide. */
export class Ink {
  readonly element = el('canvas', { class: 'ink', 'data-testid': 'ink', 'data-strokes': 0, 'aria-hidden': true })
  #strokes: readonly Stroke[] = []
  #traces: readonly Stroke[] = []
  #frame = 0

  constructor() {
    new ResizeObserver(() => this.#paint()).observe(this.element)
    // The pen's colour is the theme's.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#paint())
  }

  show(strokes: readonly Stroke[], traces: readonly Stroke[]): void {
    this.#strokes = strokes
    this.#traces = traces
    this.element.dataset.strokes = String(strokes.length)
    // A replay brings many strokes at once, and the screen needs one picture of them.
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#paint())
  }

  #paint(): void {
    cancelAnimationFrame(this.#frame)
    this.#frame = 0
    const width = Math.round(this.element.clientWidth * devicePixelRatio)
    const height = Math.round(this.element.clientHeight * devicePixelRatio)
    const context = this.element.getContext('2d')
    if (context === null || width === 0) return
    if (this.element.width !== width || this.element.height !== height) {
      this.element.width = width
      this.element.height = height
    }
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, width, height)
    context.scale(width / UNITS.width, height / UNITS.height)
    context.strokeStyle = getComputedStyle(this.element).color
    context.lineWidth = UNITS.pen
    context.lineCap = 'round'
    context.lineJoin = 'round'
    for (const stroke of this.#strokes) context.stroke(path(stroke))
    for (const stroke of this.#traces) context.stroke(path(stroke))
  }
}
