/**
 * What was sent to a client and, as far as is known, not taken. The platform says nothing of it: a client that can says so
 * itself, of another it is guessed. Characters are UTF-16 units.
 */
export interface Untaken {
  readonly characters: number
  /**
   * So many were sent. Returns what the client is to be asked now, for it to say again when that has come: where at least
   * `every` were sent since it was last asked.
   */
  sent(characters: number, every: number): string | undefined
  /** The client says `nonce`. False: it was not asked that. */
  taken(nonce: string): boolean
  /** More was sent than may be without knowing what becomes of it. */
  readonly isTooMuch: boolean
  /** Milliseconds from now until little is left, where that is a matter of time. */
  readonly drainsIn: number | undefined
  /** Set when it has changed so much that it has to be kept. */
  readonly isStale: boolean
  /** What it takes to make it anew; never less than it is. */
  keep(): KeptUntaken
}

export type KeptUntaken = KeptProofs | KeptGuess

/**
 * Characters after which a client is asked: the fewer, the sooner a full line is seen to drain, and the more messages are
 * billed. A quarter of the high-water mark.
 */
export const ASK_EVERY = 64 * 1024

/** The same for an owner: past 64 KiB it gets no feedback (C7), and until it has answered, all since the last question counts. */
export const ASK_OWNER_EVERY = 16 * 1024

/** Questions that are open at one time at the most: they are kept while the object sleeps. */
const OPEN = 16

/** Characters by which what is kept may be too much: the fewer, the more often it is written. */
const STEP = 4096

export interface KeptProofs {
  /** Nonces that were sent, and the characters before each, from the one before on. */
  readonly open: readonly (readonly [nonce: string, characters: number])[]
  /** Characters after the last of them, or somewhat more. */
  readonly rest: number
}

/** For a client that says what has come. It has to be believed in nothing: it cannot know a nonce that it has not read. */
export class Proofs implements Untaken {
  readonly isTooMuch = false
  readonly drainsIn = undefined
  readonly #mint: () => string
  #open: (readonly [string, number])[]
  #rest: number
  #characters: number
  #kept: number
  #isStale = false

  constructor(mint: () => string, kept: KeptProofs = { open: [], rest: 0 }) {
    this.#mint = mint
    this.#open = [...kept.open]
    this.#rest = kept.rest
    this.#kept = kept.rest
    this.#characters = kept.open.reduce((sum, [, characters]) => sum + characters, kept.rest)
  }

  get characters(): number {
    return this.#characters
  }

  get isStale(): boolean {
    return this.#isStale || this.#rest > this.#kept
  }

  sent(characters: number, every: number): string | undefined {
    this.#rest += characters
    this.#characters += characters
    if (this.#rest < every || this.#open.length >= OPEN) return undefined
    const nonce = this.#mint()
    this.#open.push([nonce, this.#rest])
    this.#rest = 0
    this.#isStale = true
    return nonce
  }

  taken(nonce: string): boolean {
    const at = this.#open.findIndex(([open]) => open === nonce)
    // What came before it has come, too: a line keeps its order.
    for (const [, characters] of this.#open.splice(0, at + 1)) this.#characters -= characters
    this.#isStale ||= at >= 0
    return at >= 0
  }

  keep(): KeptProofs {
    this.#isStale = false
    this.#kept = roundUp(this.#rest)
    return { open: [...this.#open], rest: this.#kept }
  }
}

/** What a client that says nothing is taken to take, in characters. */
export const GUESS = {
  /** A second. */
  rate: 128 * 1024,
  /** A second, of all such clients of an object together, but no less for each than `least`. */
  rateOfAll: 8 * 1024 * 1024,
  least: 4 * 1024,
  /** At which it is taken to have drained: half of the high-water mark. */
  little: 128 * 1024,
  /** In an hour, beyond which the line is ended. */
  hour: 64 * 1024 * 1024,
}

const HOUR = 3_600_000

export interface KeptGuess {
  readonly left: number
  readonly hour: number
  /** When it was so, milliseconds since 1970. */
  readonly at: number
}

/** For a client that does not say: as much is taken to be taken as time has passed, whether it is or not. */
export class Guess implements Untaken {
  readonly #now: () => number
  /** Characters a second. */
  readonly #rate: () => number
  #left: number
  #hour: number
  #at: number
  #unkept = 0

  constructor(now: () => number, rate: () => number, kept: KeptGuess = { left: 0, hour: 0, at: now() }) {
    this.#now = now
    this.#rate = rate
    this.#left = kept.left
    this.#hour = kept.hour
    this.#at = kept.at
  }

  get characters(): number {
    this.#pass()
    return Math.floor(this.#left)
  }

  get isTooMuch(): boolean {
    return this.#hour > GUESS.hour
  }

  get drainsIn(): number {
    return Math.ceil((Math.max(0, this.characters - GUESS.little) / this.#rate()) * 1000)
  }

  get isStale(): boolean {
    return this.#unkept >= STEP
  }

  sent(characters: number): undefined {
    this.#pass()
    this.#left += characters
    this.#hour += characters
    this.#unkept += characters
  }

  taken(): boolean {
    return false
  }

  keep(): KeptGuess {
    this.#unkept = 0
    this.#pass()
    return { left: Math.floor(this.#left) + STEP, hour: Math.floor(this.#hour) + STEP, at: this.#at }
  }

  #pass(): void {
    const now = this.#now()
    const ms = Math.max(0, now - this.#at)
    this.#left = Math.max(0, this.#left - (ms / 1000) * this.#rate())
    this.#hour = Math.max(0, this.#hour - (ms / HOUR) * GUESS.hour)
    this.#at = now
  }
}

/** The rate for each of so many clients that say nothing. */
export function guessedRate(clients: number): number {
  return Math.max(GUESS.least, Math.min(GUESS.rate, GUESS.rateOfAll / Math.max(clients, 1)))
}

function roundUp(characters: number): number {
  return (Math.floor(characters / STEP) + 1) * STEP
}
