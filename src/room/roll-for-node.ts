import type { Members } from './members.ts'
import { type Changes, Names } from './names.ts'
import type { Cancel, Clock } from './ports.ts'
import { PAUSE } from './roll-for-owner.ts'

/** Milliseconds after which a count is repeated that has not changed, so that it is not taken for one of a node that died. */
const REPEAT = 5000

/** Reports who comes and goes here to the node that the owner is on. */
export class RollForNode {
  readonly #clock: Clock
  readonly #members: Members
  /** Resolves with whether it was heard. */
  readonly #report: (count: number, changes: Changes) => Promise<boolean>
  readonly #names = new Names()
  #cancel: Cancel | undefined
  #hasChanged = false
  #hasReported = false
  #isUnderWay = false
  #isStopped = false
  /** Until the next try. It grows while nobody answers: the owner's node may yet be taking up the room, or be gone. */
  #pause = PAUSE

  constructor(clock: Clock, members: Members, report: (count: number, changes: Changes) => Promise<boolean>) {
    this.#clock = clock
    this.#members = members
    this.#report = report
  }

  /** Reports at once, who is here as those who joined: to a node that an owner has just come to. */
  begin(): void {
    for (const id of this.#members.listeners()) this.#names.joined(id)
    if (this.#members.listening > 0) this.#send()
  }

  joined(id: string): void {
    this.#names.joined(id)
    this.#changed()
  }

  left(id: string): void {
    this.#names.left(id)
    if (this.#members.listening > 0) this.#changed()
    else this.#sayNobody()
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  #changed(): void {
    if (this.#hasChanged) return
    this.#hasChanged = true
    if (!this.#isUnderWay) this.#sendIn(this.#pause)
  }

  #sendIn(ms: number): void {
    this.#cancel?.()
    this.#cancel = this.#clock.after(ms, () => this.#send())
  }

  #send(): void {
    const changes = this.#names.take()
    this.#hasChanged = false
    this.#hasReported = true
    this.#isUnderWay = true
    this.#report(this.#members.listening, changes).then((isHeard) => {
      this.#isUnderWay = false
      if (this.#isStopped || this.#members.listening === 0) return
      if (isHeard) this.#pause = PAUSE
      else {
        this.#names.putBack(changes)
        this.#hasChanged = true
      }
      this.#sendIn(this.#hasChanged ? this.#pause : REPEAT)
      if (!isHeard) this.#pause = Math.min(2 * this.#pause, REPEAT)
    })
  }

  /** At once, since the room is about to be let go. */
  #sayNobody(): void {
    this.#cancel?.()
    this.#hasChanged = false
    const changes = this.#names.take()
    if (this.#hasReported) void this.#report(0, changes)
    this.#hasReported = false
  }
}
