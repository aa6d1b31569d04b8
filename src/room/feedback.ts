import { feedbackText, type Saying } from '../protocol/codec.ts'
import { Allowance } from './allowance.ts'
import type { Client } from './client.ts'
import { written } from './draft.ts'
import { Dropped } from './dropped.ts'
import { errorOf, problemOf, RoomError } from './errors.ts'
import { Ferry } from './ferry.ts'
import { feedbackForOwner, feedbackMark, type RoomLimits } from './limits.ts'
import type { Members } from './members.ts'
import type { Neighbours } from './neighbours.ts'
import type { Clock } from './ports.ts'
import type { Answers, QuestionOf, Remark } from './questions.ts'

/**
 * What listeners say to the owner, whatever node it is on. What one of them says is heard in the order it was said. What the
 * owner does not take is dropped, so that its own answers do not wait behind it (C7).
 */
export class Feedback {
  readonly #members: Members
  readonly #neighbours: Neighbours | undefined
  readonly #limits: RoomLimits
  readonly #ferry = new Ferry<Remark>((load) => this.#carry(load))
  /** Characters that the owner gets of all listeners together. */
  readonly #allowance: Allowance
  readonly #dropped: Dropped

  constructor(clock: Clock, members: Members, neighbours: Neighbours | undefined, limits: RoomLimits) {
    this.#members = members
    this.#neighbours = neighbours
    this.#limits = limits
    const rate = feedbackForOwner(limits)
    this.#allowance = new Allowance(clock, { burst: rate, rate })
    this.#dropped = new Dropped(clock, members, (owner) => this.#isFull(owner))
  }

  /**
   * Throws `bad_message` where it is too long, `owner_absent`, `feedback_unsupported`, `rate_limited` where that is known at
   * once; else the listener is told later.
   */
  say(listener: Client, said: Saying): void {
    const remark = { from: listener.id, body: written({ ...said, state: undefined }, this.#limits.messageBytes).body }
    if (this.#ferry.isIdle && this.#members.ownerNode === undefined) {
      const refusal = this.#hear(remark)
      if (refusal !== undefined) throw refusal
      return this.#members.acknowledge(listener, said.id)
    }
    if (this.#ferry.isFull) throw tooMuch()
    this.#members.settle(listener, said.id, this.#ferry.take(remark, remark.body.length))
  }

  /** Listeners on another node say something to the owner, which is here, or was. */
  answer({ remarks }: QuestionOf<'feedback'>): Answers['feedback'] {
    const refusals = remarks.map((remark) => this.#hear(remark))
    return { problems: refusals.map((refusal) => (refusal === undefined ? null : problemOf(refusal))) }
  }

  /** The owner's line has taken all that was written to it. */
  drained(): void {
    this.#dropped.report()
  }

  /** There is nobody to tell any more. */
  stop(): void {
    this.#dropped.stop()
  }

  async #carry(remarks: readonly Remark[]): Promise<(RoomError | undefined)[]> {
    const { ownerNode } = this.#members
    if (ownerNode === undefined) return remarks.map((remark) => this.#hear(remark))
    const answer = await this.#neighbours?.ask(ownerNode, { kind: 'feedback', remarks })
    if (answer === undefined) return remarks.map(() => ownerAbsent())
    return answer.problems.map((problem) => (problem === null ? undefined : errorOf(problem)))
  }

  #hear({ from, body }: Remark): RoomError | undefined {
    const { owner } = this.#members
    if (owner === undefined) return ownerAbsent()
    if (!owner.takesFeedback) return unsupported()
    if (this.#isFull(owner) || !this.#allowance.take(body.length)) {
      this.#dropped.add(owner)
      return tooMuch()
    }
    owner.write(feedbackText(from, body))
    return undefined
  }

  #isFull({ backlog }: Client): boolean {
    return backlog > feedbackMark(this.#limits)
  }
}

function ownerAbsent(): RoomError {
  return new RoomError('owner_absent', 'the owner is not here now')
}

function unsupported(): RoomError {
  return new RoomError('feedback_unsupported', "the owner's client takes no feedback")
}

function tooMuch(): RoomError {
  return new RoomError('rate_limited', 'the owner has more feedback than it takes', { retryAfter: 1000 })
}
