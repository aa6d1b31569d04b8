import { svg } from './dom.ts'

const ROWS = [34, 49, 64, 79, 94]
const CENTRE = { x: 110, y: 106 }
/** How far the rows go round the speaker, in radians. */
const SPAN = Math.PI * 0.94

/** A row's angles, from its middle outwards, which is how a hall fills up. */
function angles(radius: number): number[] {
  const count = Math.round((SPAN * radius) / 15)
  const places = Array.from({ length: count }, (_, place) => place - (count - 1) / 2)
  return places.sort((a, b) => Math.abs(a) - Math.abs(b)).map((place) => (place / (count - 1)) * SPAN)
}

export interface Hall {
  readonly element: SVGSVGElement
  /** Lights as many seats as there are listeners, or all where there are more listeners than seats. */
  seat(listeners: number): void
}

/** A hall from above: one who speaks, and rows of seats. */
export function hall(): Hall {
  const seats: SVGCircleElement[] = []
  const rows = ROWS.map((radius, row) => {
    const places = angles(radius).map((angle) => {
      const cx = (CENTRE.x + radius * Math.sin(angle)).toFixed(2)
      const cy = (CENTRE.y - radius * Math.cos(angle)).toFixed(2)
      return svg('circle', { cx, cy, r: 4.2, class: 'seat' })
    })
    seats.push(...places)
    return svg('g', { class: `row row-${row}` }, ...places)
  })
  const speaker = svg('circle', { cx: CENTRE.x, cy: CENTRE.y, r: 8, class: 'speaker' })
  return {
    element: svg('svg', { viewBox: '0 0 220 118', class: 'hall', 'aria-hidden': true }, ...rows, speaker),
    seat(listeners) {
      for (const [place, seat] of seats.entries()) seat.classList.toggle('taken', place < listeners)
    },
  }
}
