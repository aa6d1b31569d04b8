import { type Presentation, RoomcastError } from '../sdk/index.ts'
import { type Show, type Stroke, strokeKey } from './actions.ts'
import { fits } from './budget.ts'
import { sayNow } from './plain.ts'
import type { Drawn, Scene } from './scene.ts'

/** Undone at one time, when all of a slide is: less than what may wait for the server's answer. */
const UNDONE_AT_ONCE = 200

/** What has no room for another stroke. */
export type Full = 'slide' | 'room'

/** Under the pen. Undone: the pen goes on, and nothing comes of it. */
type Current = Drawn & { readonly isUndone?: true }

/**
 * The presenter's hand on the drawing. What is being drawn streams as plain broadcasts, and is gone with the moment; a
 * stroke that is done is state. What the hand has done shows at once, in its own order; whether the room has stored it
 * yet makes no difference to what can be undone.
 */
export class Blackboard {
  /** Set when a stroke had no room, until there is some, or another slide. */
  full: Full | undefined
  readonly #room: Presentation<Show>
  readonly #scene: Scene
  readonly #changed: () => void
  #current: Current | undefined
  /** Done, and not yet stored. */
  readonly #pending = new Map<string, Drawn>()
  /** Undone, and perhaps still stored. */
  readonly #undone = new Set<string>()

  constructor(room: Presentation<Show>, scene: Scene, changed: () => void) {
    this.#room = room
    this.#scene = scene
    this.#changed = changed
  }

  /** The strokes that are stored, of all slides. */
  *strokes(): Generator<Drawn> {
    for (const stroke of this.#scene.strokes()) if (!this.#undone.has(stroke.id)) yield stroke
  }

  /** Those that are not, and the one under the pen. */
  *traces(): Generator<Drawn> {
    for (const stroke of this.#pending.values()) if (!this.#undone.has(stroke.id)) yield stroke
    if (this.#current !== undefined && !this.#current.isUndone) yield this.#current
  }

  get slide(): number | undefined {
    return this.#scene.slide
  }

  get isEmpty(): boolean {
    return this.#here().length === 0
  }

  /** More points of the stroke under the pen. */
  trace(id: string, points: Stroke): void {
    const current = this.#take(id)
    if (current === undefined || current.isUndone) return
    this.#current = { ...current, points: [...current.points, ...points] }
    this.#changed()
    sayNow(this.#room, 'trace', current.slide, id, points)
  }

  /** The pen is lifted: all points of its stroke. */
  async stroke(id: string, points: Stroke): Promise<void> {
    const current = this.#take(id)
    this.#current = undefined
    if (current === undefined || current.isUndone) return
    const stroke: Drawn = { id, slide: current.slide, points }
    if (fits(stroke, this.#all(), this.#room.limits)) await this.#store(stroke)
    else this.#refuse(stroke, 'slide')
  }

  /** Takes the newest stroke of the slide away, wherever it is on its way. */
  async undo(): Promise<void> {
    const newest = this.#here().at(-1)
    if (newest === undefined) return
    if (newest.id === this.#current?.id) this.#drop()
    else await this.#forget([newest])
  }

  async clear(): Promise<void> {
    this.#drop()
    await this.#forget(this.#here())
  }

  *#all(): Generator<Drawn> {
    yield* this.strokes()
    yield* this.traces()
  }

  #here(): Drawn[] {
    return [...this.#all()].filter(({ slide }) => slide === this.#scene.slide)
  }

  /** The stroke under the pen; where the pen has just come down, on the slide that is shown. */
  #take(id: string): Current | undefined {
    const { slide } = this.#scene
    if (this.#current?.id !== id) this.#current = slide === undefined ? undefined : { id, slide, points: [] }
    return this.#current
  }

  /** Nothing comes of the stroke under the pen. */
  #drop(): void {
    if (this.#current === undefined) return
    const { slide, id } = this.#current
    this.#current = { ...this.#current, isUndone: true }
    this.#withdraw(slide, id)
  }

  async #store(stroke: Drawn): Promise<void> {
    const { id, slide, points } = stroke
    this.#pending.set(id, stroke)
    this.#changed()
    const op = { op: 'stroke', id, points } as const
    try {
      await this.#room.key(strokeKey(id)).state('draw', slide, op)
      this.#pending.delete(id)
      this.#scene.draw(slide, op)
      this.#changed()
    } catch (error) {
      this.#pending.delete(id)
      const isFull = error instanceof RoomcastError && error.code === 'state_full' && !this.#undone.has(id)
      this.#refuse(stroke, isFull ? 'room' : undefined)
    }
  }

  /** The room's `problem` says why, unless it is `full`. */
  #refuse({ slide, id }: Drawn, full: Full | undefined): void {
    this.full = full ?? this.full
    this.#withdraw(slide, id)
  }

  /** The audience has seen it traced. To be heard whatever happens to the line: only this takes it away again. */
  #withdraw(slide: number, id: string): void {
    this.#changed()
    this.#room.broadcast('trace', slide, id, []).catch(() => undefined)
  }

  async #forget(strokes: readonly Drawn[]): Promise<void> {
    for (const { id } of strokes) this.#undone.add(id)
    this.full = undefined
    this.#changed()
    for (let first = 0; first < strokes.length; first += UNDONE_AT_ONCE) {
      await Promise.all(strokes.slice(first, first + UNDONE_AT_ONCE).map((stroke) => this.#undo(stroke)))
    }
    this.#changed()
  }

  async #undo({ id, slide }: Drawn): Promise<void> {
    const op = { op: 'undo', id } as const
    try {
      await this.#room.key(strokeKey(id)).clear('draw', slide, op)
      this.#scene.draw(slide, op)
    } catch {
      // The room's `problem` says why: the stroke is shown again, as it is to the audience.
    }
    this.#undone.delete(id)
  }
}
