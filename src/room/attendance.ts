import { Elsewhere } from './elsewhere.ts'
import type { Members } from './members.ts'
import type { Neighbours } from './neighbours.ts'
import type { Clock } from './ports.ts'
import type { Report } from './questions.ts'
import { RollForNode } from './roll-for-node.ts'
import { RollForOwner } from './roll-for-owner.ts'

/** Sees to it that the owner is told who listens on all nodes, whichever node it is on. */
export class Attendance {
  readonly #clock: Clock
  readonly #members: Members
  readonly #neighbours: Neighbours | undefined
  readonly #elsewhere = new Elsewhere()
  #forOwner: RollForOwner | undefined
  #forNode: RollForNode | undefined
  #reportsTo: { readonly node: string; readonly term: number } | undefined

  constructor(clock: Clock, members: Members, neighbours: Neighbours | undefined) {
    this.#clock = clock
    this.#members = members
    this.#neighbours = neighbours
  }

  joined(id: string): void {
    this.#forOwner?.joined(id)
    this.#forNode?.joined(id)
  }

  left(id: string): void {
    this.#forOwner?.left(id)
    this.#forNode?.left(id)
  }

  /** The owner of `term` has come to this node. */
  ownerCame(term: number): void {
    this.#elsewhere.startTerm(term)
    this.ownerIsBack()
    this.#forOwner?.begin()
  }

  /** The owner is on this node, and knows who is here. */
  ownerIsBack(): void {
    this.stop()
    this.#forOwner = new RollForOwner(this.#clock, this.#members, this.#elsewhere)
  }

  /** The owner of `term` is on another node; undefined: on none. */
  ownerIsOn(node: string | undefined, term: number): void {
    if (node !== undefined && node === this.#reportsTo?.node && term === this.#reportsTo.term) return
    this.stop()
    if (node === undefined) return
    this.#reportsTo = { node, term }
    this.#forNode = new RollForNode(this.#clock, this.#members, async (count, changes) => {
      const answer = await this.#neighbours?.ask(node, { kind: 'report', term, count, ...changes })
      return answer !== undefined
    })
    this.#forNode.begin()
  }

  /** Another node reports its listeners. */
  heard(node: string, report: Report): void {
    if (this.#elsewhere.heard(node, report, this.#clock.now())) this.#forOwner?.changed()
  }

  /** Another node has not answered. */
  isSilent(node: string): void {
    if (this.#forOwner !== undefined && this.#elsewhere.forget(node)) this.#forOwner.changed()
  }

  /** There is nobody to tell any more. */
  stop(): void {
    this.#forOwner?.stop()
    this.#forNode?.stop()
    this.#forOwner = undefined
    this.#forNode = undefined
    this.#reportsTo = undefined
  }
}
