export type Turn = 'next' | 'previous' | 'first' | 'last'

const KEYS: Readonly<Record<string, Turn>> = {
  ArrowRight: 'next',
  ArrowDown: 'next',
  PageDown: 'next',
  ' ': 'next',
  ArrowLeft: 'previous',
  ArrowUp: 'previous',
  PageUp: 'previous',
  Home: 'first',
  End: 'last',
}

/** How far a finger must go sideways, in CSS pixels, before it means a turn of the slide. */
const SWIPE = 48

/** Turns the slides by key, also by those of a presenter's remote (PageUp and PageDown). */
export function turningByKey(turn: (way: Turn) => void): void {
  document.addEventListener('keydown', (event) => {
    const way = KEYS[event.key]
    if (way === undefined || event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return
    if (document.querySelector('dialog[open]') !== null) return
    // Space presses what has the focus.
    if (event.key === ' ' && event.target instanceof Element && event.target.closest('button, a, input')) return
    event.preventDefault()
    turn(way)
  })
}

export function turningBySwipe(surface: HTMLElement, free: () => boolean, turn: (way: Turn) => void): void {
  let from: { pointer: number; x: number; y: number } | undefined
  surface.addEventListener('pointerdown', (event) => {
    const first = event.isPrimary && event.pointerType === 'touch' && free()
    from = first ? { pointer: event.pointerId, x: event.clientX, y: event.clientY } : undefined
  })
  surface.addEventListener('pointerup', (event) => {
    if (event.pointerId !== from?.pointer) return
    const across = event.clientX - from.x
    const along = event.clientY - from.y
    from = undefined
    if (Math.abs(across) > SWIPE && Math.abs(across) > Math.abs(along)) turn(across < 0 ? 'next' : 'previous')
  })
  surface.addEventListener('pointercancel', () => {
    from = undefined
  })
}
