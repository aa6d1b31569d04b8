import { svg } from './dom.ts'

const PATHS = {
  previous: 'M14.5 5 7.5 12l7 7',
  next: 'M9.5 5l7 7-7 7',
  pen: 'M4 20l1-4.5L16.5 4 20 7.5 8.5 19 4 20zM13.5 7l3.5 3.5',
  undo: 'M8 5 4 9l4 4M4 9h10a5.5 5.5 0 0 1 0 11h-3',
  clear: 'M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13M10.5 11v5.5M13.5 11v5.5',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
} as const

export function icon(name: keyof typeof PATHS): SVGSVGElement {
  return svg('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': true }, svg('path', { d: PATHS[name] }))
}

/** The name of the house, with its sign: one who speaks, and rows who listen. */
export function brand(): SVGSVGElement {
  return svg(
    'svg',
    { viewBox: '0 0 24 24', class: 'sign', 'aria-hidden': true },
    svg('circle', { cx: 12, cy: 18.5, r: 3, class: 'speaker' }),
    svg('path', { d: 'M5.5 15.5a7 7 0 0 1 13 0M2 11a11.5 11.5 0 0 1 20 0', class: 'rows' }),
  )
}
