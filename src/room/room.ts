import { encodeBody, event, feedbackText, goodbye, type Saying, targetedText, welcome } from '../protocol/codec.ts'
import { CODES, type DisconnectCode, type EndReason } from '../protocol/codes.ts'
import type { Position, RoomEvent } from '../protocol/messages.ts'
import { Audience } from './audience.ts'
import { Batch } from './batch.ts'
import { utf8Length } from './bytes.ts'
import type { Client } from './client.ts'
import { RoomError } from './errors.ts'
import { History } from './history.ts'
import { ownerLeft, type RoomHouse } from './house.ts'
import { Members } from './members.ts'
import type { Draft, Entry, Follower, Presence, Snapshot } from './ports.ts'
import { Roll } from './roll.ts'

const END_MESSAGES: Record<EndReason, string> = {
  room_closed: 'the owner closed the room',
  room_abandoned: 'the owner left and did not come back in time',
  room_lost: 'the room was lost: its log does not have it any more',
}

/** A room as this server holds it: it follows its log, and writes what the log publishes to the clients that are here. */
export class Room implements Follower {
  readonly uuid: string
  readonly #house: RoomHouse
  readonly #history: History
  readonly #members: Members
  readonly #audience: Audience
  readonly #roll: Roll
  /** Nobody is here any more, or the room has ended. */
  readonly #onDone: () => void
  #isStale = false
  #ended: EndReason | undefined

  constructor(uuid: string, snapshot: Snapshot, house: RoomHouse, onDone: () => void) {
    this.uuid = uuid
    this.#house = house
    this.#onDone = onDone
    this.#history = new History(uuid, snapshot, house.limits)
    this.#members = new Members(uuid, this.#history, snapshot)
    this.#audience = new Audience(this.#history.tail, this.#history, house.writer, house.limits.highWaterMark)
    this.#roll = new Roll(
      house.clock,
      () => this.#audience.size,
      (report) => this.#members.tellOwner(report),
    )
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
    this.#admit(client, since)
    this.#audience.add(client)
    if (!this.#members.ownerHere) this.#members.tell(client, { type: 'owner', here: false })
    if (this.#isStale) this.#members.tell(client, { type: 'stale', stale: true })
    this.#roll.joined(client.id)
  }

  /** Lets the owner in, who holds `term`: it has opened the room or taken it back. `ownerKey` is told to it alone. */
  admitOwner(client: Client, term: number, ownerKey?: string, since?: Position): void {
    if (this.#ended !== undefined || term < this.#members.term) {
      throw new RoomError('take_back_refused', 'the room could not be taken back')
    }
    client.term = term
    this.#members.owner = client
    this.#admit(client, since, ownerKey)
    if (this.#isStale) this.#members.tell(client, { type: 'stale', stale: true })
    if (this.#audience.size > 0) this.#roll.restart([...this.#members.listeners()].map(({ id }) => id))
  }

  /**
   * Puts back a client that was here before this room was put to sleep: it is told nothing, and neither is anybody else.
   * False when it has no place here any more.
   */
  restore(client: Client, behind: number | undefined): boolean {
    if (this.#ended !== undefined || (client.role === 'owner' && client.term < this.#members.term)) return false
    this.#members.add(client)
    if (client.role === 'owner') this.#members.owner = client
    else this.#audience.restore(client, behind)
    return true
  }

  /**
   * Puts the owner's broadcast into the log, and answers it when it has an id (C2–C5). What the log publishes is what the
   * audience gets.
   */
  broadcast(owner: Client, said: Saying): void {
    if (said.to === 'self' || typeof said.to === 'object') return this.#target(owner, said, said.to)
    const body = encodeBody(said)
    const draft: Draft = {
      term: owner.term,
      id: said.id,
      state: said.state && { key: said.state.key, retain: said.state.retain },
      echo: said.to === 'all' ? true : undefined,
      body,
      bytes: utf8Length(body),
    }
    this.#house.log.append(this.uuid, draft).then(
      ({ seq }) => this.#members.acknowledge(owner, said.id, seq),
      (error) => this.#members.refuse(owner, said.id, error),
    )
  }

  /** A listener speaks to the owner. Throws `owner_absent` when none is here to hear it. */
  feedback(listener: Client, said: Saying): void {
    const { owner } = this.#members
    if (owner === undefined) throw new RoomError('owner_absent', 'the owner is not here now')
    if (owner.connection.backlog > this.#house.limits.highWaterMark) {
      throw new RoomError('rate_limited', 'the owner has more feedback than it takes', { retryAfter: 1000 })
    }
    owner.write(feedbackText(listener.id, encodeBody({ ...said, state: undefined })))
    this.#members.acknowledge(listener, said.id)
  }

  /** The owner offers the room to a listener, with a key that works once. It stays the owner until the other has used it. */
  handOver(owner: Client, to: string, id: string | undefined): void {
    this.#members.settle(owner, id, this.#offer(owner, to))
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
      this.#roll.left(client.id)
    }
    if (this.isEmpty) {
      this.#roll.stop()
      this.#onDone()
    }
  }

  /** The line of a listener has taken all that was written to it (R6). */
  drained(client: Client): void {
    this.#audience.drained(client)
  }

  published(entry: Entry): void {
    const text = this.#history.publish(entry)
    this.#audience.wake()
    if (entry.echo) this.#members.owner?.write(text)
  }

  presence({ here, term, handedOver = false }: Presence): void {
    if (term > this.#members.term) this.#raiseTerm(term, handedOver)
    if (here === this.#members.ownerHere && !handedOver) return
    this.#members.ownerHere = here
    this.#announce({ type: 'owner', here, ...(handedOver && { handedOver: true }) })
  }

  restarted(snapshot: Snapshot): void {
    const { term, ownerHere, ownerNode } = snapshot
    const isLoss = this.#history.restart(snapshot)
    this.#audience.restart(isLoss)
    this.presence({ here: ownerHere, term, node: ownerNode })
    const { owner } = this.#members
    if (!isLoss || owner === undefined) return
    // It has seen to what is shown, and it is not what is kept: only this can tell it.
    owner.send(new Batch(this.#history.catchUp(-1)))
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
    this.#roll.stop()
    const message = END_MESSAGES[reason]
    this.#history.announce(goodbye(this.uuid, { code: reason, message }))
    this.#audience.dismiss({ code: CODES[reason].close, reason: message })
    const { owner } = this.#members
    if (owner !== undefined) this.#disconnect(owner, reason, message)
    this.#onDone()
  }

  #admit(client: Client, since: Position | undefined, ownerKey?: string): void {
    const { batch, recovered } = this.#history.replay(since)
    const { messageBytes, stateBytes, stateEntries } = this.#house.limits
    const { takenEvery } = client.connection
    this.#members.add(client)
    client.remember()
    client.tell(
      welcome(this.uuid, {
        clientId: client.id,
        role: client.role,
        position: this.#history.position,
        replay: batch.texts.length,
        recovered,
        limits: { messageBytes, stateBytes, stateEntries },
        ...(ownerKey !== undefined && { ownerKey }),
        ...(takenEvery !== undefined && { takenEvery }),
      }),
    )
    if (batch.texts.length > 0) client.connection.write(batch)
  }

  #target(owner: Client, said: Saying, to: 'self' | readonly string[]): void {
    if (owner.term < this.#members.term)
      return this.#members.refuse(owner, said.id, new RoomError('displaced', 'another owner has taken the room'))
    const clients = to === 'self' ? [owner] : to.map((id) => this.#members.get(id))
    const absent = clients.indexOf(undefined)
    if (absent >= 0) {
      const unknown = new RoomError('unknown_client', `to.${absent} is no client of this room`, { field: 'to' })
      return this.#members.refuse(owner, said.id, unknown)
    }
    const batch = new Batch([targetedText(encodeBody(said))])
    for (const client of clients as Client[]) {
      // A listener over the mark has been left to drain; nothing may grow its queue.
      if (client.connection.backlog <= this.#house.limits.highWaterMark) client.connection.write(batch)
    }
    this.#members.acknowledge(owner, said.id)
  }

  /** Rejects with `unknown_client`, `displaced`, `log_unavailable`. */
  async #offer(owner: Client, to: string): Promise<void> {
    const { log, secrets } = this.#house
    const heir = this.#members.get(to)
    if (heir?.role !== 'listener') {
      throw new RoomError('unknown_client', 'handover names no listener of this room', { field: 'handover' })
    }
    const ownerKey = secrets.key()
    await log.offerHandover(this.uuid, owner.term, await secrets.hash(ownerKey))
    this.#members.tell(heir, { type: 'handover', ownerKey })
  }

  #ownerDropped(owner: Client): void {
    this.#members.owner = undefined
    if (this.#ended === undefined) ownerLeft(this.#house, this.uuid, owner.term)
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
    former.remember()
    this.#members.tell(former, { type: 'role', role: 'listener' })
    this.#audience.add(former)
    this.#roll.joined(former.id)
  }

  #disconnect(client: Client, code: DisconnectCode, message: string): void {
    client.tell(goodbye(this.uuid, { code, message }))
    client.connection.close(CODES[code].close, message)
  }

  #announce(news: RoomEvent): void {
    this.#history.announce(event(this.uuid, news))
    this.#audience.wake()
  }
}
