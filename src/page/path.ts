import type { Stroke } from './actions.ts'

/** The canvas is drawn on in these units, whatever its size, so that a line is as thick as it is wide on any screen. */
export const UNITS = { width: 1600, height: 900 }
export const PEN = 8

/** How near to a point its corner begins: a curve of short steps becomes smooth, a corner stays one. */
const BEND = 14

/** Around a line: half the pen, and the pixel that its edge fades out in on the smallest screen. */
const MARGIN = PEN / 2 + 8

interface Place {
  readonly x: number
  readonly y: number
}

export interface Area {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

const paths = new WeakMap<Stroke, Path2D>()
const areas = new WeakMap<Stroke, Area>()

export function path(stroke: Stroke): Path2D {
  const known = paths.get(stroke) ?? trace(places(stroke))
  paths.set(stroke, known)
  return known
}

/** All that a stroke may have painted on. */
export function area(stroke: Stroke): Area {
  const known = areas.get(stroke) ?? around(places(stroke))
  areas.set(stroke, known)
  return known
}

function places(stroke: Stroke): Place[] {
  return Array.from({ length: Math.floor(stroke.length / 2) }, (_, index) => ({
    x: stroke[index * 2]! * UNITS.width,
    y: stroke[index * 2 + 1]! * UNITS.height,
  }))
}

function trace(places: readonly Place[]): Path2D {
  const path = new Path2D()
  const [first] = places
  const last = places.at(-1)
  if (first === undefined || last === undefined) return path
  path.moveTo(first.x, first.y)
  for (let index = 1; index < places.length - 1; index++) {
    const corner = places[index]!
    const begin = bend(corner, places[index - 1]!)
    const end = bend(corner, places[index + 1]!)
    path.lineTo(begin.x, begin.y)
    path.quadraticCurveTo(corner.x, corner.y, end.x, end.y)
  }
  // A stroke of one point ends where it began: a dot, by the round caps.
  path.lineTo(last.x, last.y)
  return path
}

/** The place on the way from `from` to `to` where a corner at `from` ends. */
function bend(from: Place, to: Place): Place {
  const length = Math.hypot(to.x - from.x, to.y - from.y)
  const part = Math.min(0.5, BEND / length)
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part }
}

function around(places: readonly Place[]): Area {
  const area = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity }
  for (const { x, y } of places) {
    area.left = Math.min(area.left, x - MARGIN)
    area.top = Math.min(area.top, y - MARGIN)
    area.right = Math.max(area.right, x + MARGIN)
    area.bottom = Math.max(area.bottom, y + MARGIN)
  }
  return area
}
