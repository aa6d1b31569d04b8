import { type Following, follow } from '../../src/sdk/index.ts'
import { witness } from '../support/witness.ts'
import { type Script, View } from './view.ts'

/** A listener of a show, with what it shows. */
export class Follower {
  readonly following: Following<Script>
  readonly view = new View()

  /** `violations` gets a line for each gap, duplicate or other order on its wire. */
  constructor(url: string, uuid: string, violations: string[]) {
    this.following = follow<Script>(url, uuid, { webSocket: witness(violations) })
    this.following.when('reset', () => this.view.reset())
    this.following.each((message) => this.view.apply(message))
    this.following.when('problem', () => {})
  }

  leave(): void {
    this.following.leave()
  }
}
