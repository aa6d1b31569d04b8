/** A line on a slide: x and y in turn, each 0 to 1 of the slide's width and height. */
export type Stroke = number[]

/**
 * What happens to a stroke of a slide's drawing. It keeps the id that it had while it was being traced, so that whoever
 * hears of it twice (from the replay, and as the answer to having drawn it) has it once.
 */
export type DrawOp = { op: 'stroke'; id: string; points: Stroke } | { op: 'undo'; id: string }

/** All that the presenter says. Both sides are checked against this one type. */
export type Show = {
  /** State: which slide is shown. */
  slide: [index: number]
  /** State, under a key for each stroke: an undo clears that key, and a clear fits even where the room's state is full. */
  draw: [slide: number, op: DrawOp]
  /** Plain: more points of a stroke that is being drawn; none: forget it. */
  trace: [slide: number, id: string, points: Stroke]
  /** Plain: forget all strokes that were being drawn. Who drew them is not here any more. */
  lifted: []
  /** Plain: where the presenter points. */
  pointer: [x: number, y: number]
  pointerAway: []
}

/** The one feedback of a listener: the number of a reaction. */
export const REACTION = 'reaction'

export function strokeKey(id: string): string {
  return `stroke-${id}`
}
