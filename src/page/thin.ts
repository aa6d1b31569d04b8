import type { Stroke } from './actions.ts'

/** Of the slide's width: an eighth of the pen's, so that no eye sees what was left out. */
const TOLERANCE = 0.0006
const ASPECT = 9 / 16

/** Four digits: finer than a pixel on any screen. */
export function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000
}

/** How far point `index` is from the line between two others. */
function distance(points: Stroke, index: number, from: number, to: number): number {
  const at = (place: number) => [points[place * 2] ?? 0, (points[place * 2 + 1] ?? 0) * ASPECT] as const
  const [ax, ay] = at(from)
  const [bx, by] = at(to)
  const [x, y] = at(index)
  const length = Math.hypot(bx - ax, by - ay)
  if (length === 0) return Math.hypot(x - ax, y - ay)
  return Math.abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / length
}

/** Leaves out the points that do not change the line's shape (Ramer, Douglas and Peucker). */
export function thin(points: Stroke): Stroke {
  const last = points.length / 2 - 1
  const kept = new Set([0, last])
  const spans: [number, number][] = [[0, last]]
  for (let span = spans.pop(); span !== undefined; span = spans.pop()) {
    const [from, to] = span
    let far = { index: 0, distance: TOLERANCE }
    for (let index = from + 1; index < to; index++) {
      const away = distance(points, index, from, to)
      if (away > far.distance) far = { index, distance: away }
    }
    if (far.index === 0) continue
    kept.add(far.index)
    spans.push([from, far.index], [far.index, to])
  }
  return [...kept].sort((a, b) => a - b).flatMap((index) => points.slice(index * 2, index * 2 + 2))
}
