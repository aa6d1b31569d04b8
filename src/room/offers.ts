import type { Client } from './client.ts'
import { errorOf, problemOf, RoomError } from './errors.ts'
import { Ferry } from './ferry.ts'
import type { RoomHouse } from './house.ts'
import type { Members } from './members.ts'
import type { Neighbours } from './neighbours.ts'
import type { Answers, Offer, QuestionOf } from './questions.ts'

/**
 * The owner's offers of the room to listeners, on whatever node they are (O3). One after the other, since each is void when
 * the next is made.
 */
export class Offers {
  readonly #members: Members
  readonly #neighbours: Neighbours | undefined
  readonly #house: RoomHouse
  readonly #ferry = new Ferry<Offer>((load) => this.#carry(load))

  constructor(members: Members, neighbours: Neighbours | undefined, house: RoomHouse) {
    this.#members = members
    this.#neighbours = neighbours
    this.#house = house
  }

  /** The owner is told `unknown_client`, `displaced`, `log_unavailable`. */
  make(owner: Client, to: string, id: string | undefined): void {
    if (this.#ferry.isFull) {
      const full = new RoomError('log_unavailable', 'too many offers of the room are under way')
      return this.#members.refuse(owner, id, full)
    }
    this.#members.settle(owner, id, this.#ferry.take({ term: owner.term, to }, to.length))
  }

  /** The owner, on another node, offers the room to a listener here. */
  async answer(offer: QuestionOf<'offer'>): Promise<Answers['offer']> {
    const refusal = await this.#makeHere(offer)
    return { problem: refusal === undefined ? null : problemOf(refusal) }
  }

  async #carry(offers: readonly Offer[]): Promise<(Error | undefined)[]> {
    const refusals: (Error | undefined)[] = []
    for (const offer of offers) refusals.push(await this.#make(offer))
    return refusals
  }

  async #make(offer: Offer): Promise<Error | undefined> {
    const node = this.#neighbours?.nodeOf(offer.to)
    if (node === undefined) return this.#makeHere(offer)
    const answer = await this.#neighbours?.ask(node, { kind: 'offer', ...offer })
    if (answer === undefined) return noSuchListener()
    return answer.problem === null ? undefined : errorOf(answer.problem)
  }

  /** The key is made where the listener is: it goes over no other wire than that listener's own. */
  async #makeHere({ term, to }: Offer): Promise<Error | undefined> {
    const { log, secrets } = this.#house
    const heir = this.#members.get(to)
    if (heir?.role !== 'listener') return noSuchListener()
    try {
      const ownerKey = secrets.key()
      await log.offerHandover(this.#members.uuid, term, await secrets.hash(ownerKey))
      if (this.#members.get(to) !== heir) return noSuchListener()
      this.#members.tell(heir, { type: 'handover', ownerKey })
      return undefined
    } catch (error) {
      return error as Error
    }
  }
}

function noSuchListener(): RoomError {
  return new RoomError('unknown_client', 'handover names no listener of this room', { field: 'handover' })
}
