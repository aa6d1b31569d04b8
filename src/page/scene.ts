import type { Member, MemberEvents } from '../sdk/index.ts'
import type { DrawOp, Show, Stroke } from './actions.ts'
import { nearest } from './deck.ts'

/** A stroke, and where it is. */
export interface Drawn {
  readonly id: string
  readonly slide: number
  readonly points: Stroke
}

/** What the show looks like at present, as the room tells it: the same on both sides, made by the same broadcasts. */
export class Scene {
  /** Unknown until the room has said it: what was shown before stays, and nothing is shown that is not so. */
  slide: number | undefined
  /** By their ids, in the order in which they were drawn. */
  readonly #strokes = new Map<string, Drawn>()
  readonly #traces = new Map<string, Drawn>()

  /** The strokes of all slides that are stored. */
  strokes(): Iterable<Drawn> {
    return this.#strokes.values()
  }

  /** Those that are still being drawn, or not yet stored. */
  traces(): Iterable<Drawn> {
    return this.#traces.values()
  }

  turn(index: number): void {
    this.slide = nearest(index)
  }

  draw(slide: number, op: DrawOp): void {
    this.#traces.delete(op.id)
    if (op.op === 'stroke') this.#strokes.set(op.id, { id: op.id, slide, points: op.points })
    else this.#strokes.delete(op.id)
  }

  /** More points of a stroke; none: it will not be. */
  trace(slide: number, id: string, points: Stroke): void {
    const known = this.#traces.get(id)?.points ?? []
    if (points.length === 0) this.#traces.delete(id)
    else if (!this.#strokes.has(id)) this.#traces.set(id, { id, slide, points: [...known, ...points] })
  }

  forgetTraces(): void {
    this.#traces.clear()
  }

  reset(): void {
    this.slide = undefined
    this.#strokes.clear()
    this.#traces.clear()
  }
}

/** Keeps what is stored of the scene. A presenter needs it too: for the replay, when it takes its room back. */
export function keep(scene: Scene, room: Member<Show, MemberEvents>): void {
  room.on('slide', (index) => scene.turn(index))
  room.on('draw', (slide, op) => scene.draw(slide, op))
  room.when('reset', () => scene.reset())
}
