import type { Member, MemberEvents } from '../sdk/index.ts'
import type { DrawOp, Show, Stroke } from './actions.ts'
import { nearest } from './deck.ts'

interface Drawn {
  readonly slide: number
  readonly points: Stroke
}

/** What the show looks like at present: the same on both sides, made by the same broadcasts. */
export class Scene {
  /** Unknown until the room has said it: what was shown before stays, and nothing is shown that is not so. */
  slide: number | undefined
  /** By their ids, in the order in which they were drawn. */
  readonly #strokes = new Map<string, Drawn>()
  readonly #traces = new Map<string, Drawn>()

  /** The ids and points of the strokes on the present slide. */
  strokes(): [id: string, points: Stroke][] {
    return this.#here(this.#strokes)
  }

  /** The same of those that are still being drawn, or not yet stored. */
  traces(): [id: string, points: Stroke][] {
    return this.#here(this.#traces)
  }

  turn(index: number): void {
    this.slide = nearest(index)
  }

  draw(slide: number, op: DrawOp): void {
    if (op.op === 'stroke') {
      this.#traces.delete(op.id)
      this.#strokes.set(op.id, { slide, points: op.points })
    } else if (op.op === 'undo') {
      this.#strokes.delete(op.id)
    } else {
      for (const [id, stroke] of this.#strokes) if (stroke.slide === slide) this.#strokes.delete(id)
    }
  }

  /** More points of a stroke; none: it will not be. */
  trace(slide: number, id: string, points: Stroke): void {
    const known = this.#traces.get(id)?.points ?? []
    if (points.length === 0) this.#traces.delete(id)
    else this.#traces.set(id, { slide, points: [...known, ...points] })
  }

  reset(): void {
    this.slide = undefined
    this.#strokes.clear()
    this.#traces.clear()
  }

  #here(drawn: ReadonlyMap<string, Drawn>): [string, Stroke][] {
    return [...drawn].filter(([, { slide }]) => slide === this.slide).map(([id, { points }]) => [id, points])
  }
}

/** Keeps the scene as the room tells it. A presenter needs it too: for the replay, when it takes its room back. */
export function keep(scene: Scene, room: Member<Show, MemberEvents>): void {
  room.on('slide', (index) => scene.turn(index))
  room.on('draw', (slide, op) => scene.draw(slide, op))
  room.on('trace', (slide, id, points) => scene.trace(slide, id, points))
  room.when('reset', () => scene.reset())
}
