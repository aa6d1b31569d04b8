import { el } from './dom.ts'

const SHOWN_FOR = 6000

/** A word that comes and goes: something was refused. */
export class Notice {
  readonly element = el('p', { class: 'notice', role: 'alert', hidden: true })
  #timer = 0

  say(words: string): void {
    this.element.textContent = words
    this.element.hidden = false
    clearTimeout(this.#timer)
    this.#timer = window.setTimeout(() => {
      this.element.hidden = true
    }, SHOWN_FOR)
  }
}
