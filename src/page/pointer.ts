import { el } from './dom.ts'
import { rounded } from './thin.ts'
import { throttle } from './throttle.ts'

const THIRTIETH = 1000 / 30

/** The dot on the slide that shows where the presenter points. */
export class PointerMark {
  readonly element = el('div', { class: 'pointer', 'data-testid': 'pointer', 'aria-hidden': true, hidden: true })

  at(x: number, y: number): void {
    this.element.hidden = false
    this.element.style.setProperty('--x', String(x))
    this.element.style.setProperty('--y', String(y))
  }

  away(): void {
    this.element.hidden = true
  }
}

/** Tells where the mouse is on `surface`, and when it has left. A finger does not point: it swipes. */
export function pointing(
  surface: HTMLElement,
  free: () => boolean,
  tell: { at(x: number, y: number): void; away(): void },
): void {
  let place: { x: number; y: number } | undefined
  const send = throttle(THIRTIETH, () => {
    if (place === undefined) tell.away()
    else tell.at(place.x, place.y)
  })
  surface.addEventListener('pointermove', (event) => {
    if (event.pointerType === 'touch' || !free()) return
    const box = surface.getBoundingClientRect()
    place = {
      x: rounded((event.clientX - box.left) / box.width),
      y: rounded((event.clientY - box.top) / box.height),
    }
    send()
  })
  for (const gone of ['pointerleave', 'pointerdown'] as const) {
    surface.addEventListener(gone, () => {
      if (place === undefined || (gone === 'pointerdown' && free())) return
      place = undefined
      send()
    })
  }
}
