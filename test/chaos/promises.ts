import type { View } from './view.ts'

/** How a broadcast was sent, and what became of it. */
export interface Sent {
  readonly n: number
  readonly kind: 'slide' | 'note' | 'clear' | 'tick'
  readonly deck: string | undefined
  /** `unknown`: refused in a way that leaves open whether it was stored, or lost by a log that said so. */
  outcome: 'under way' | 'acknowledged' | 'unknown'
}

/** What `view`, which is level with the room, lacks or has too much of, after all of `sent`; none: all promises were kept. */
export function broken(view: View, sent: readonly Sent[]): string[] {
  return [...brokenSlides(view, sent), ...brokenNotes(view, sent)]
}

function brokenSlides(view: View, sent: readonly Sent[]): string[] {
  const faults: string[] = []
  const decks = new Set(sent.flatMap(({ kind, deck }) => (kind === 'slide' ? [deck!] : [])))
  for (const deck of decks) {
    const slides = sent.filter((one) => one.kind === 'slide' && one.deck === deck)
    const last = slides.findLast(({ outcome }) => outcome === 'acknowledged')?.n ?? 0
    const shown = view.slide(deck) ?? 0
    if (shown < last) faults.push(`deck ${deck}: slide ${shown} is shown, and ${last} was acknowledged`)
    if (shown !== 0 && !slides.some(({ n }) => n === shown)) faults.push(`deck ${deck}: ${shown} was never sent`)
  }
  return faults
}

function brokenNotes(view: View, sent: readonly Sent[]): string[] {
  const faults: string[] = []
  const cleared = sent.findLast(({ kind, outcome }) => kind === 'clear' && outcome === 'acknowledged')?.n ?? 0
  const maybeCleared = sent.findLast(({ kind }) => kind === 'clear')?.n ?? 0
  const due = sent.filter(({ kind, outcome, n }) => kind === 'note' && outcome === 'acknowledged' && n > maybeCleared)
  for (const { n } of due) if (!view.notes.includes(n)) faults.push(`note ${n} was acknowledged, and is not shown`)
  view.notes.forEach((n, i) => {
    if (n <= (view.notes[i - 1] ?? 0)) faults.push(`note ${n} came after ${view.notes[i - 1]}`)
    if (n < cleared) faults.push(`note ${n} is shown, and was cleared by ${cleared}`)
  })
  return faults
}
