import type { Clock } from '../room/ports.ts'
import type { Refusal } from './admission.ts'

/** Milliseconds in which the same refusal is in the log once. */
const WINDOW = 60_000

/** Different refusals that a window tells apart. */
const KINDS = 20

/**
 * Who was refused, for who runs the server: the first of each kind at once, and how many more there were when the window is
 * over.
 */
export class RefusalLog {
  readonly #clock: Pick<Clock, 'now'>
  readonly #write: (line: string) => void
  readonly #more = new Map<string, number>()
  #from: number

  constructor(clock: Pick<Clock, 'now'>, write: (line: string) => void) {
    this.#clock = clock
    this.#write = write
    this.#from = clock.now()
  }

  note({ code, message }: Refusal): void {
    if (this.#clock.now() - this.#from >= WINDOW) this.flush()
    const exact = `${code}: ${message}`
    const kind = this.#more.has(exact) || this.#more.size < KINDS ? exact : `${code}, and other reasons`
    const before = this.#more.get(kind)
    this.#more.set(kind, before === undefined ? 0 : before + 1)
    if (before === undefined) this.#write(`refused a client: ${kind}`)
  }

  /** Says how many more there were, and begins a new window. To be called each minute, and at the end. */
  flush(): void {
    for (const [kind, more] of this.#more) if (more > 0) this.#write(`refused ${more} more: ${kind}`)
    this.#more.clear()
    this.#from = this.#clock.now()
  }
}
