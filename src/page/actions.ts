/** A line on a slide: x and y in turn, each 0 to 1 of the slide's width and height. */
export type Stroke = number[]

/**
 * What happens to a slide's drawing. A stroke keeps the id that it had while it was being traced, so that whoever hears
 * of it twice (from the replay, and as the answer to having drawn it) has it once.
 */
export type DrawOp = { op: 'stroke'; id: string; points: Stroke } | { op: 'undo'; id: string } | { op: 'clear' }

/** All that the presenter says. Both sides are checked against this one type. */
export type Show = {
  /** State: which slide is shown. */
  slide: [index: number]
  /** State, under a key for each slide: its drawing. */
  draw: [slide: number, op: DrawOp]
  /** Plain: more points of a stroke that is being drawn; none: forget it. */
  trace: [slide: number, id: string, points: Stroke]
  /** Plain: where the presenter points. */
  pointer: [x: number, y: number]
  pointerAway: []
}

/** The one feedback of a listener: the number of a reaction. */
export const REACTION = 'reaction'

export function drawingKey(slide: number): string {
  return `slide-${slide}`
}
