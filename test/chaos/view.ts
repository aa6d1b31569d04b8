import type { Received } from '../../src/sdk/index.ts'

/** The actions of a show: a slide per deck (latest), notes that add up (append, clear), ticks that are not stored. */
export interface Script {
  [action: string]: number[]
  slide: [n: number]
  note: [n: number]
  tick: [n: number]
}

/** The state that one member shows, as an application keeps it. Each broadcast of a show carries another number. */
export class View {
  readonly #slides = new Map<string, number>()
  #notes: number[] = []

  reset(): void {
    this.#slides.clear()
    this.#notes = []
  }

  apply({ action, params, retain, stateKey }: Received): void {
    const n = params[0] as number
    if (action === 'slide') this.#slides.set(stateKey ?? '', n)
    else if (action !== 'note') return
    else if (retain === 'clear') this.#notes = []
    else this.#notes.push(n)
  }

  slide(deck: string): number | undefined {
    return this.#slides.get(deck)
  }

  get notes(): readonly number[] {
    return this.#notes
  }

  toString(): string {
    return JSON.stringify({ slides: [...this.#slides].sort(), notes: this.#notes })
  }
}
