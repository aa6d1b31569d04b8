import type { Budget } from './budget.ts'
import type { Clock } from './ports.ts'
import type { Room } from './room.ts'

/** Rooms that are looked at in one turn. */
const SLICE = 100

/** The part of the budget that has to be used more than after the last time before it is done again. */
const STEP = 1 / 64

/** Where little memory is left, has the rooms let go of what only serves convenience, before anything is refused. */
export class Relief {
  readonly #budget: Budget
  readonly #clock: Clock
  #isUnderWay = false
  #after = 0

  /** `rooms` gives those that are held; `first` is done before all of them are looked at. */
  constructor(budget: Budget, clock: Clock, rooms: () => Iterable<Room>, first: () => void) {
    this.#budget = budget
    this.#clock = clock
    budget.onTight(() => {
      if (this.#isUnderWay || budget.held < this.#after + STEP * budget.limit) return
      this.#isUnderWay = true
      clock.soon(() => {
        first()
        this.#look(rooms()[Symbol.iterator]())
      })
    })
  }

  #look(rooms: Iterator<Room>): void {
    for (let n = 0; n < SLICE; n++) {
      const { value, done } = rooms.next()
      if (done) {
        this.#isUnderWay = false
        this.#after = this.#budget.isTight ? this.#budget.held : 0
        return
      }
      value.economize()
    }
    this.#clock.soon(() => this.#look(rooms))
  }
}
