import { el } from './dom.ts'

const SHOWN_FOR = 6000

/** A word on what was refused: one that comes and goes, or one that stays for as long as it is so. */
export class Notice {
  readonly element = el('p', { class: 'notice', role: 'alert', 'data-testid': 'notice', hidden: true })
  #held: string | undefined
  #timer = 0

  say(words: string): void {
    this.#show(words)
    clearTimeout(this.#timer)
    this.#timer = window.setTimeout(() => this.#show(this.#held), SHOWN_FOR)
  }

  /** Undefined: it is not so any more. */
  hold(words: string | undefined): void {
    if (words === this.#held) return
    this.#held = words
    clearTimeout(this.#timer)
    this.#show(words)
  }

  #show(words: string | undefined): void {
    this.element.textContent = words ?? ''
    this.element.hidden = words === undefined
  }
}
