import { encode, event, goodbye, type Saying } from '../protocol/codec.ts'
import { CODES, type DisconnectCode, type EndReason } from '../protocol/codes.ts'
import type { Position, RoomEvent } from '../protocol/messages.ts'
import { Attendance } from './attendance.ts'
import { Audience } from './audience.ts'
import { Batch } from './batch.ts'
import type { BroadcastRate } from './broadcast-rate.ts'
import type { Share } from './budget.ts'
import type { Client } from './client.ts'
import { draftOf } from './draft.ts'
import { problemOf, RoomError } from './errors.ts'
import { Feedback } from './feedback.ts'
import { History } from './history.ts'
import type { RoomHouse } from './house.ts'
import { Members } from './members.ts'
import { Neighbours } from './neighbours.ts'
import { Offers } from './offers.ts'
import type { Entry, Follower, Presence, Snapshot } from './ports.ts'
import type { Answers, Question } from './questions.ts'
import { Replays } from './replays.ts'
import { ROOM_WEIGHT } from './weight.ts'
import { Whispers } from './whispers.ts'

const END_MESSAGES: Record<EndReason, string> = {
  room_closed: 'the owner closed the room',
  room_abandoned: 'the owner left and did not come back in time',
  room_lost: 'the room was lost: its log does not have it any more',
}

/** Who holds a room, and is told what becomes of it. */
export interface RoomKeeper {
  /** Nobody is here any more, or the room has ended. */
  done(): void
  /** The owner of `term`, who was here, is here no more. */
  ownerLeft(term: number): void
  /** Nobody is here, and so much was published all the same that reading the room in again costs less. */
  unheard(): void
  /** What may be broadcast in it. */
  readonly rate: BroadcastRate
}

/** A room as this server holds it: it follows its log, and writes what the log publishes to the clients that are here. */
export class Room implements Follower {
  readonly uuid: string
  readonly #house: RoomHouse
  readonly #history: History
  readonly #members: Members
  readonly #audience: Audience
  readonly #replays: Replays
  readonly #neighbours: Neighbours | undefined
  readonly #attendance: Attendance
  readonly #feedback: Feedback
  readonly #whispers: Whispers
  readonly #offers: Offers
  readonly #keeper: RoomKeeper
  readonly #share: Share
  /** Characters published since somebody was here. */
  #unheard = 0
  #isStale = false
  #ended: EndReason | undefined

  constructor(uuid: string, snapshot: Snapshot, house: RoomHouse, keeper: RoomKeeper) {
    this.uuid = uuid
    this.#house = house
    this.#keeper = keeper
    this.#history = new History(uuid, snapshot, house.limits, house.budget)
    const { nodes, clock, limits, writer } = house
    const { highWaterMark } = limits
    this.#replays = new Replays(writer, highWaterMark, (reader) => this.#levelled(reader as Client))
    this.#members = new Members(uuid, this.#history, this.#replays, snapshot)
    this.#audience = new Audience(this.#history.tail, this.#history, writer, this.#replays, highWaterMark)
    this.#neighbours = nodes && new Neighbours(nodes, uuid, (node) => this.#attendance.isSilent(node))
    this.#attendance = new Attendance(clock, this.#members, this.#neighbours)
    this.#feedback = new Feedback(clock, this.#members, this.#neighbours, limits)
    this.#whispers = new Whispers(this.#members, this.#neighbours, limits)
    this.#offers = new Offers(this.#members, this.#neighbours, house)
    this.#placeOwner(snapshot.ownerHere ? snapshot.ownerNode : undefined)
    this.#share = house.budget.share()
    this.#weigh()
  }

  /** Bytes of memory that it takes. */
  get weight(): number {
    return ROOM_WEIGHT + this.#history.weight
  }

  /** Little memory is left. */
  economize(): void {
    this.#history.economize()
    this.#weigh()
  }

  /** It is held no more. */
  release(): void {
    this.#share.set(0)
  }

  /** Nobody is here: it need not be held. */
  get isEmpty(): boolean {
    return this.#members.size === 0
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined
  }

  /** Lets a listener in: the welcome first of all, then what it missed, then all that is broadcast from now on (J1, R4). */
  join(client: Client, since?: Position): void {
    if (this.#ended !== undefined) throw new RoomError('room_not_found', 'there is no such room')
    const { listeners } = this.#house.limits
    if (this.#audience.size >= listeners) {
      throw new RoomError('room_full', `the room is full: at most ${listeners} listeners`, { limit: listeners })
    }
    this.#members.admit(client, this.#house.limits, since)
    this.#audience.add(client)
    if (!this.#members.ownerHere) this.#members.tell(client, { type: 'owner', here: false })
    if (this.#isStale) this.#members.tell(client, { type: 'stale', stale: true })
    this.#attendance.joined(client.id)
    this.#entered()
  }

  /** Lets the owner in, who holds `term`: it has opened the room or taken it back. `ownerKey` is told to it alone. */
  admitOwner(client: Client, term: number, ownerKey?: string, since?: Position): void {
    if (this.#ended !== undefined) throw new RoomError('take_back_refused', 'the room could not be taken back')
    // Its key is as good as before: only somebody came after it.
    if (term < this.#members.term) throw new RoomError('displaced', 'the room was taken back from elsewhere')
    // The log may let an owner in before it tells of it.
    if (term > this.#members.term) this.#raiseTerm(term, ownerKey !== undefined)
    client.term = term
    this.#members.owner = client
    this.#members.ownerNode = undefined
    this.#members.admit(client, this.#house.limits, since, ownerKey)
    if (this.#isStale) this.#members.tell(client, { type: 'stale', stale: true })
    this.#attendance.ownerCame(term)
    this.#entered()
  }

  /**
   * Puts back a client that was here before this room was put to sleep: it is told nothing, and neither is anybody else.
   * False when it has no place here any more.
   */
  restore(client: Client, behind: number | undefined): boolean {
    if (this.#ended !== undefined || (client.role === 'owner' && client.term < this.#members.term)) return false
    // What it was to be told after its replay is not known any more.
    if (client.role === 'owner' && behind !== undefined) {
      this.#keeper.ownerLeft(client.term)
      return false
    }
    this.#members.putBack(client)
    if (client.role === 'listener') this.#audience.restore(client, behind)
    else {
      this.#members.owner = client
      this.#attendance.ownerIsBack()
    }
    return true
  }

  /**
   * Puts the owner's broadcast into the log, and answers it when it has an id (C2–C5). What the log publishes is what the
   * audience gets. Throws `bad_message` where it is too long, `rate_limited` (C6).
   */
  broadcast(owner: Client, said: Saying): void {
    const { id, to } = said
    try {
      this.#keeper.rate.check(owner.resending?.isOvertaking(id) ?? false)
    } catch (error) {
      owner.resending?.refused(id)
      throw error
    }
    const turn = owner.resending?.letThrough(id)
    const draft = draftOf(said, owner.term, this.#house.limits.messageBytes)
    this.#keeper.rate.take(draft.bytes, typeof to === 'object' ? to.length : 1)
    if (to === 'self') return this.#whispers.say(owner, id, draft.body, [owner.id])
    if (typeof to === 'object') return this.#whispers.say(owner, id, draft.body, to)
    this.#house.log.append(this.uuid, draft).then(
      ({ seq }) => this.#members.acknowledge(owner, id, seq),
      (error) => {
        const { code } = problemOf(error)
        if (code === 'rate_limited') owner.resending?.refused(id, turn)
        else if (code === 'log_unavailable' && turn !== undefined) owner.resending?.failed(id, turn)
        this.#members.refuse(owner, id, error)
      },
    )
  }

  /** A listener speaks to the owner. Throws `owner_absent`, `rate_limited`, or answers so later. */
  feedback(listener: Client, said: Saying): void {
    this.#feedback.say(listener, said)
  }

  /** The owner offers the room to a listener, with a key of its own. It stays the owner until the other has used it. */
  handOver(owner: Client, to: string, id: string | undefined): void {
    this.#offers.make(owner, to, id)
  }

  /** What the node `from` wants to know of this room, or have done in it. */
  answer(from: string, question: Question): Answers[Question['kind']] | Promise<Answers['offer']> {
    switch (question.kind) {
      case 'feedback':
        return this.#feedback.answer(question)
      case 'look':
        return this.#whispers.answerLook(question)
      case 'whisper':
        return this.#whispers.answerWhisper(question)
      case 'offer':
        return this.#offers.answer(question)
      case 'report':
        this.#attendance.heard(from, question)
        return {}
    }
  }

  /** The owner ends the room (E1). */
  async close(owner: Client): Promise<void> {
    await this.#house.log.end(this.uuid, owner.term, 'room_closed')
  }

  /** A client's line is gone, or it has left. */
  remove(client: Client): void {
    if (!this.#members.delete(client)) return
    if (client === this.#members.owner) this.#ownerDropped(client)
    else if (client.role === 'listener') {
      this.#audience.remove(client)
      this.#attendance.left(client.id)
    }
    // One that has ended has said so: by now there may be another of its name.
    if (this.isEmpty && this.#ended === undefined) this.#keeper.done()
  }

  /** The line of a client has taken all that was written to it (R6, C7). */
  drained(client: Client): void {
    this.#audience.drained(client)
    if (client === this.#members.owner) this.#feedback.drained()
  }

  published(entry: Entry): void {
    const text = this.#history.publish(entry)
    this.#audience.wake()
    if (entry.echo) this.#members.owner?.write(text)
    this.#weigh()
    if (this.isEmpty) this.#passUnheard(text)
  }

  presence({ here, term, handedOver = false, node }: Presence): void {
    if (term > this.#members.term) this.#raiseTerm(term, handedOver)
    this.#placeOwner(here ? node : undefined)
    if (here === this.#members.ownerHere && !handedOver) return
    this.#members.ownerHere = here
    this.#announce({ type: 'owner', here, ...(handedOver && { handedOver: true }) })
  }

  restarted(snapshot: Snapshot): void {
    const { term, ownerHere, ownerNode } = snapshot
    const isLoss = this.#history.restart(snapshot)
    this.#audience.restart(isLoss)
    this.#weigh()
    this.presence({ here: ownerHere, term, node: ownerNode })
    const { owner } = this.#members
    if (owner === undefined || (!isLoss && owner.replay === undefined)) return
    this.#replays.begin(owner, this.#history.catchUp(isLoss ? -1 : owner.replay!.stand))
    if (!isLoss) return
    // It has seen to what is shown, and it is not what is kept: only this can tell it.
    this.#members.refuse(owner, undefined, new RoomError('broadcasts_lost', 'the log has lost broadcasts'))
  }

  stale(isStale: boolean): void {
    if (isStale === this.#isStale) return
    this.#isStale = isStale
    const news: RoomEvent = { type: 'stale', stale: isStale }
    this.#announce(news)
    this.#members.tellOwner(news)
  }

  ended(reason: EndReason): void {
    this.#ended = reason
    this.#attendance.stop()
    this.#feedback.stop()
    this.#members.ownerNode = undefined
    const message = END_MESSAGES[reason]
    const last = goodbye(this.uuid, { code: reason, message })
    this.#history.announce(last)
    this.#audience.dismiss({ message: new Batch([encode(last)]), code: CODES[reason].close, reason: message })
    const { owner } = this.#members
    if (owner !== undefined) this.#disconnect(owner, reason, message)
    this.#keeper.done()
  }

  /** A client has got all of its replay. */
  #levelled(client: Client): void {
    client.release()
    if (client.place >= 0) this.#audience.settle(client)
  }

  #entered(): void {
    this.#unheard = 0
    this.#weigh()
  }

  #weigh(): void {
    this.#share.set(this.weight)
  }

  #passUnheard(text: string): void {
    this.#unheard += text.length
    if (this.#unheard > this.weight) this.#keeper.unheard()
  }

  #ownerDropped(owner: Client): void {
    this.#members.owner = undefined
    this.#replays.drop(owner)
    this.#attendance.stop()
    this.#feedback.stop()
    if (this.#ended === undefined) this.#keeper.ownerLeft(owner.term)
  }

  /** The node that the owner is on, as the log has it: of an owner that is here already, this one knows better. */
  #placeOwner(node: string | undefined): void {
    this.#members.ownerNode = this.#members.owner === undefined ? this.#neighbours?.other(node) : undefined
    if (this.#members.owner === undefined) this.#attendance.ownerIsOn(this.#members.ownerNode, this.#members.term)
  }

  #raiseTerm(term: number, handedOver: boolean): void {
    this.#members.term = term
    const former = this.#members.owner
    if (former === undefined || former.term >= term) return
    this.#members.owner = undefined
    if (handedOver) return this.#demote(former)
    this.#members.delete(former)
    this.#disconnect(former, 'displaced', 'the room was taken back from elsewhere')
  }

  /** Who has handed the room over stays, as a listener. */
  #demote(former: Client): void {
    former.role = 'listener'
    former.term = 0
    former.takesFeedback = false
    former.resending = undefined
    former.remember()
    this.#members.tell(former, { type: 'role', role: 'listener' })
    this.#audience.add(former)
  }

  #disconnect(client: Client, code: DisconnectCode, message: string): void {
    this.#replays.drop(client)
    client.tell(goodbye(this.uuid, { code, message }))
    client.connection.close(CODES[code].close, message)
  }

  #announce(news: RoomEvent): void {
    this.#history.announce(event(this.uuid, news))
    this.#audience.wake()
  }
}
