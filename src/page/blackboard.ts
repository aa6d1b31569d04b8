import type { Presentation } from '../sdk/index.ts'
import { type DrawOp, drawingKey, type Show, type Stroke } from './actions.ts'
import { sayNow } from './plain.ts'
import type { Scene } from './scene.ts'

/**
 * The presenter's hand on the drawing. What is being drawn streams as plain broadcasts, and is gone with the moment;
 * a stroke that is done is state, and counts as drawn when the room has stored it.
 */
export class Blackboard {
  readonly #room: Presentation<Show>
  readonly #scene: Scene
  readonly #changed: () => void
  readonly #undoing = new Set<string>()

  constructor(room: Presentation<Show>, scene: Scene, changed: () => void) {
    this.#room = room
    this.#scene = scene
    this.#changed = changed
  }

  trace(id: string, points: Stroke): void {
    const { slide } = this.#scene
    if (slide === undefined) return
    this.#scene.trace(slide, id, points)
    this.#changed()
    sayNow(this.#room, 'trace', slide, id, points)
  }

  async stroke(id: string, points: Stroke): Promise<void> {
    const { slide } = this.#scene
    if (slide === undefined) return
    const stored = await this.#store(slide, { op: 'stroke', id, points })
    if (!stored) this.#drop(slide, id)
  }

  async undo(): Promise<void> {
    const { slide } = this.#scene
    const strokes = this.#scene.strokes().filter(([id]) => !this.#undoing.has(id))
    const id = strokes.at(-1)?.[0]
    if (slide === undefined || id === undefined) return
    // The last one: forgetting all that led here keeps what is stored small.
    if (strokes.length === 1) return this.clear()
    this.#undoing.add(id)
    await this.#store(slide, { op: 'undo', id })
    this.#undoing.delete(id)
  }

  async clear(): Promise<void> {
    const { slide } = this.#scene
    if (slide !== undefined) await this.#store(slide, { op: 'clear' })
  }

  get isEmpty(): boolean {
    return this.#scene.strokes().length === 0
  }

  async #store(slide: number, op: DrawOp): Promise<boolean> {
    const drawing = this.#room.key(drawingKey(slide))
    try {
      await (op.op === 'clear' ? drawing.clear('draw', slide, op) : drawing.append('draw', slide, op))
    } catch {
      // The room's `problem` says why.
      return false
    }
    this.#scene.draw(slide, op)
    this.#changed()
    return true
  }

  #drop(slide: number, id: string): void {
    this.#scene.trace(slide, id, [])
    this.#changed()
    sayNow(this.#room, 'trace', slide, id, [])
  }
}
