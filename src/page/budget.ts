import type { Limits } from '../sdk/index.ts'
import { deck, nearest } from './deck.ts'
import type { Drawn } from './scene.ts'

/** Bytes that a stroke takes in the room's state, at most: each number has four digits, and the message has its fields. */
const NUMBER = 7
const MESSAGE = 256

/** Of what the room may store: kept for each slide, however much is drawn on the others. */
const SHARE = 1 / (4 * deck.length)

/** State that is no stroke: the slide that is shown. */
const OTHER = { entries: 1, bytes: MESSAGE }

/** Whether `stroke` has room beside those that are `drawn`, and leaves each other slide its share. */
export function fits(stroke: Drawn, drawn: Iterable<Drawn>, { stateBytes, stateEntries }: Limits): boolean {
  const slides = deck.map(() => ({ entries: 0, bytes: 0 }))
  for (const one of [...drawn, stroke]) {
    const slide = slides[nearest(one.slide)]!
    slide.entries++
    slide.bytes += MESSAGE + NUMBER * one.points.length
  }
  const sum = (of: 'entries' | 'bytes', limit: number) =>
    slides.reduce(
      (sum, used, slide) => sum + (slide === stroke.slide ? used[of] : Math.max(used[of], limit * SHARE)),
      OTHER[of],
    )
  return sum('entries', stateEntries) <= stateEntries && sum('bytes', stateBytes) <= stateBytes
}
