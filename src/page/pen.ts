import type { Stroke } from './actions.ts'
import { rounded, thin } from './thin.ts'
import { throttle } from './throttle.ts'

/** Of the slide's width: nearer points are one. */
const STEP = 0.0025
/** About 15 KB of JSON, well under the 64 KiB that a message may have; a longer line goes on as another stroke. */
const LONGEST = 1000
const THIRTIETH = 1000 / 30

export interface Strokes {
  /** More points of the stroke that is being drawn. */
  trace(id: string, points: Stroke): void
  done(id: string, points: Stroke): void
}

/** Makes strokes of what a mouse, a pen or a finger does on `surface`, while `down()` says that the pen is taken up. */
export function pen(surface: HTMLElement, taken: () => boolean, strokes: Strokes): { lift(): void } {
  let current: { pointer: number; id: string; points: Stroke; sent: number } | undefined

  const send = throttle(THIRTIETH, () => {
    if (current === undefined || current.sent === current.points.length) return
    strokes.trace(current.id, current.points.slice(current.sent))
    current.sent = current.points.length
  })

  const begin = (pointer: number, points: Stroke) => {
    // Not `crypto.randomUUID`, which a page that was opened by a plain http address does not have.
    current = { pointer, id: Math.random().toString(36).slice(2, 10), points, sent: 0 }
  }

  const add = (event: PointerEvent) => {
    if (current === undefined) return
    const box = surface.getBoundingClientRect()
    const x = rounded(Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1))
    const y = rounded(Math.min(Math.max((event.clientY - box.top) / box.height, 0), 1))
    const [fromX, fromY] = current.points.slice(-2)
    if (fromX !== undefined && fromY !== undefined && Math.hypot(x - fromX, (y - fromY) * (9 / 16)) < STEP) return
    current.points.push(x, y)
    if (current.points.length < LONGEST * 2) return
    const { pointer } = current
    lift()
    begin(pointer, [x, y])
  }

  const lift = () => {
    if (current === undefined) return
    const { id, points } = current
    current = undefined
    strokes.done(id, thin(points))
  }

  surface.addEventListener('pointerdown', (event) => {
    if (!taken() || current !== undefined || event.button !== 0) return
    surface.setPointerCapture(event.pointerId)
    begin(event.pointerId, [])
    add(event)
    send()
  })
  surface.addEventListener('pointermove', (event) => {
    if (event.pointerId !== current?.pointer) return
    const between = event.getCoalescedEvents?.() ?? []
    for (const one of between.length > 0 ? between : [event]) add(one)
    send()
  })
  for (const end of ['pointerup', 'pointercancel'] as const) {
    surface.addEventListener(end, (event) => {
      if (event.pointerId === current?.pointer) lift()
    })
  }
  return { lift }
}
