import { expect, onTestFinished, test } from 'vitest'
import { type Show, strokeKey } from '../../src/page/actions.ts'
import { type Presentation, present } from '../../src/sdk/index.ts'
import { startTestServer } from '../support/server.ts'
import { describeInBrowser } from './chromium.ts'
import type { Member } from './pages.ts'

/** A drawing that fills a slide. */
const STROKES = 251
const POINTS = 40

/** Frames a second, and how many lines were painted meanwhile. */
interface Frames {
  readonly rate: number
  readonly painted: number
}

/** Looks for a second and a half. */
const FRAMES = `new Promise((resolve) => {
  const { stroke } = CanvasRenderingContext2D.prototype
  let painted = 0
  CanvasRenderingContext2D.prototype.stroke = function (...path) {
    painted++
    stroke.apply(this, path)
  }
  let frames = 0
  const begin = performance.now()
  const next = (now) => {
    if (now - begin < 1500) {
      frames++
      return requestAnimationFrame(next)
    }
    CanvasRenderingContext2D.prototype.stroke = stroke
    resolve({ rate: Math.round((frames * 1000) / (now - begin)), painted })
  }
  requestAnimationFrame(next)
})`

function stroke(place: number): number[] {
  const y = 0.05 + (0.9 * place) / STROKES
  return Array.from({ length: POINTS }, (_, i) => [0.05 + (0.9 * i) / POINTS, y + 0.02 * Math.sin(i)]).flat()
}

/** What a page of the presenter says thirty times a second, while it is looked at. */
async function during(say: (moment: number) => Promise<void>, look: () => Promise<Frames>): Promise<Frames> {
  let moment = 0
  const saying = setInterval(() => void say(moment++), 1000 / 30)
  const frames = await look()
  clearInterval(saying)
  return frames
}

/** At a phone's speed, while the presenter points, and while a line is drawn. */
async function measure({ page }: Member, room: Presentation<Show>) {
  const look = () => page.evaluate<Frames>(FRAMES)
  const around = (moment: number) => [0.5 + 0.3 * Math.sin(moment / 10), 0.5 + 0.3 * Math.cos(moment / 10)] as const
  const pointing = await during((moment) => room.broadcast('pointer', ...around(moment)), look)
  const drawing = await during((moment) => room.broadcast('trace', 1, 'line', [...around(moment)]), look)
  await room.broadcast('trace', 1, 'line', [])
  return { pointing, drawing }
}

describeInBrowser('an audience', (enter) => {
  test('has as many frames of a full drawing as of none, on a processor four times as slow', async () => {
    const server = await startTestServer()
    onTestFinished(() => server.stop())
    const room = await present<Show>(server.url)
    onTestFinished(() => room.leave())
    await room.state('slide', 1)
    const audience = await enter()
    await audience.watch(room.link)
    await audience.slowDown(4)
    const bare = await measure(audience, room)
    for (let place = 0; place < STROKES; place++) {
      const id = String(place)
      await room.key(strokeKey(id)).state('draw', 1, { op: 'stroke', id, points: stroke(place) })
    }
    await audience.shows({ strokes: STROKES })
    const full = await measure(audience, room)
    // Nothing of what is done is painted again: none for the pointer, and of a line that is drawn the line.
    expect(full.pointing.painted).toBe(0)
    expect(full.drawing.painted).toBeGreaterThan(0)
    expect(full.drawing.painted).toBeLessThan(STROKES)
    // An eighth is what painting all of it leaves.
    expect(full.pointing.rate).toBeGreaterThan(bare.pointing.rate / 3)
    expect(full.drawing.rate).toBeGreaterThan(bare.drawing.rate / 3)
  })
})
