/** Milliseconds without an answer after which the server is asked for a sign of life, and then until it is overdue. */
const LATE = 2000
const OVERDUE = 2500

/** Characters a millisecond that a line takes at least: a large message may still be on its way. */
const SLOWEST = 8

/** Watches whether the server answers what it was asked. */
export class Watch {
  readonly #onLate: (within: number) => void
  readonly #onOverdue: (isOverdue: boolean) => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #isOverdue = false

  /**
   * `onLate`: a sign of life is due within so many milliseconds, or the line is dead. `onOverdue`: the line may live, and
   * still there is no answer; false when there is one again.
   */
  constructor(onLate: (within: number) => void, onOverdue: (isOverdue: boolean) => void) {
    this.#onLate = onLate
    this.#onOverdue = onOverdue
  }

  /** An answer is due, to what is under way: so many characters. One that is awaited already is not given more time. */
  expect(characters: number): void {
    this.#timer ??= setTimeout(
      () => {
        this.#onLate(OVERDUE)
        this.#timer = setTimeout(() => {
          this.#isOverdue = true
          this.#onOverdue(true)
        }, OVERDUE)
      },
      LATE + characters / SLOWEST,
    )
  }

  /** There was an answer, or none is due any more. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (!this.#isOverdue) return
    this.#isOverdue = false
    this.#onOverdue(false)
  }
}
