import type { Figure, Track } from './deck.ts'
import { el, svg } from './dom.ts'
import { hall } from './hall.ts'

const LEFT = 172
const STEP = 103
const ROW = 76

function dot(x: number, y: number, text: string, kind: string): SVGElement {
  return svg(
    'g',
    { class: kind },
    svg('circle', { cx: x, cy: y, r: 22 }),
    svg('text', { x, y: y + 9, class: 'number' }, text),
  )
}

function mark(sign: string, x: number, y: number, kind: string): SVGElement[] {
  if (sign === '=') {
    const sheets = [-14, 0, 14].map((by) => svg('rect', { x: x - 30, y: y + by - 8, width: 60, height: 9, rx: 3 }))
    return [svg('g', { class: 'kept' }, svg('circle', { cx: x, cy: y, r: 36, class: 'behind' }), ...sheets)]
  }
  if (sign === '+') {
    return [-34, 0, 34].map((by, place) => dot(x + by, y, String(4 + place), `${kind} missed`))
  }
  return sign === '~' ? [] : [dot(x, y, sign, kind)]
}

function track({ name, marks }: Track, row: number): SVGElement {
  const y = 40 + row * ROW
  const x = (place: number) => LEFT + place * STEP
  const line = [...marks].flatMap((sign, place) => {
    if (place === 0 || sign === ' ' || marks[place - 1] === ' ') return []
    const gone = sign === '~' || marks[place - 1] === '~'
    return [svg('line', { x1: x(place - 1), x2: x(place), y1: y, y2: y, class: gone ? 'line gone' : 'line' })]
  })
  const kind = row === 0 ? 'said' : 'heard'
  const dots = [...marks].flatMap((sign, place) => (sign === ' ' ? [] : mark(sign, x(place), y, kind)))
  return svg('g', {}, svg('text', { x: 0, y: y + 11, class: 'name' }, name), ...line, ...dots)
}

function owner(): SVGElement {
  const listeners = [70, 190, 310].map((y) =>
    svg(
      'g',
      { class: 'heard' },
      svg('path', { d: `M130 190 C 240 190 260 ${y} 372 ${y}`, class: 'line' }),
      svg('circle', { cx: 400, cy: y, r: 28 }),
    ),
  )
  return svg(
    'svg',
    { viewBox: '0 0 460 400', class: 'owner-figure' },
    ...listeners,
    svg('path', { d: 'M396 346 C 380 390 150 400 104 262', class: 'line back' }),
    svg('path', { d: 'M92 278 L102 256 L120 272', class: 'line head' }),
    svg('g', { class: 'said' }, svg('circle', { cx: 92, cy: 190, r: 50 })),
  )
}

/** The picture of a slide. It repeats what the words say, so it is hidden from those who cannot see it. */
export function figure(what: Figure): Element {
  switch (what.kind) {
    case 'hall':
      return hall().element
    case 'owner':
      return owner()
    case 'tracks':
      return svg('svg', { viewBox: '0 0 920 236', class: 'tracks' }, ...what.tracks.map(track))
    case 'process':
      return el('div', { class: 'process' }, ...what.parts.map((part) => el('span', { class: 'part' }, part)))
    case 'code': {
      const lines = what.lines.map(({ code, what: kind }) => el('li', {}, el('code', {}, code), el('em', {}, kind)))
      return el('ul', { class: 'code' }, ...lines)
    }
  }
}
