import {
  broadcastText,
  encode,
  encodeBody,
  event,
  feedbackText,
  goodbye,
  replayText,
  type Saying,
  targetedText,
  welcome,
} from '../protocol/codec.ts'
import { CODES, type DisconnectCode, type EndReason } from '../protocol/codes.ts'
import type { Position, RoomEvent } from '../protocol/messages.ts'
import { Audience } from './audience.ts'
import { Batch } from './batch.ts'
import { utf8Length } from './bytes.ts'
import type { Client } from './client.ts'
import { problemOf, RoomError } from './errors.ts'
import type { RoomLimits } from './limits.ts'
import type { Clock, Draft, Entry, Follower, Presence, RoomLog, Secrets, Snapshot } from './ports.ts'
import { Roll } from './roll.ts'
import { State } from './state.ts'
import { Tail } from './tail.ts'
import type { Writer } from './writer.ts'

/** What a room is made with, the same for all of a server's rooms. */
export interface RoomHouse {
  readonly log: RoomLog
  readonly clock: Clock
  readonly writer: Writer
  readonly limits: RoomLimits
}

const END_MESSAGES: Record<EndReason, string> = {
  room_closed: 'the owner closed the room',
  room_abandoned: 'the owner left and did not come back in time',
  room_lost: 'the room was lost: its log does not have it any more',
}

/** A room as this server holds it: it follows its log, and writes what the log publishes to the clients that are here. */
export class Room implements Follower {
  readonly uuid: string
  readonly #house: RoomHouse
  readonly #tail: Tail
  readonly #audience: Audience
  readonly #clients = new Map<string, Client>()
  readonly #roll: Roll
  /** Nobody is here any more, or the room has ended. */
  readonly #onDone: () => void
  #epoch: string
  #state: State
  #seq: number
  #term: number
  #owner: Client | undefined
  #ownerHere: boolean
  #isStale = false
  #ended: EndReason | undefined
  #lastConflation: { seq: number; head: number; batch: Batch } | undefined

  constructor(uuid: string, snapshot: Snapshot, house: RoomHouse, onDone: () => void) {
    const { epoch, seq, term, ownerHere, state, tail } = snapshot
    this.uuid = uuid
    this.#house = house
    this.#epoch = epoch
    this.#seq = seq
    this.#term = term
    this.#ownerHere = ownerHere
    this.#onDone = onDone
    this.#state = new State(house.limits, state, seq)
    this.#tail = new Tail(house.limits, seq - tail.length)
    this.#remember(tail)
    this.#audience = new Audience(this.#tail, this, house.writer, house.limits.highWaterMark)
    this.#roll = new Roll(
      house.clock,
      () => this.#audience.size,
      (report) => this.#owner?.tell(event(uuid, report)),
    )
  }

  get seq(): number {
    return this.#seq
  }

  get position(): Position {
    return { epoch: this.#epoch, seq: this.#seq }
  }

  /** Nobody is here: it need not be held. */
  get isEmpty(): boolean {
    return this.#clients.size === 0
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
    if (!this.#ownerHere) client.tell(event(this.uuid, { type: 'owner', here: false }))
    if (this.#isStale) client.tell(event(this.uuid, { type: 'stale', stale: true }))
    this.#roll.joined(client.id)
  }

  /** Lets the owner in, who holds `term`: it has opened the room or taken it back. `ownerKey` is told to it alone. */
  admitOwner(client: Client, term: number, ownerKey?: string, since?: Position): void {
    if (this.#ended !== undefined || term < this.#term) {
      throw new RoomError('take_back_refused', 'the room could not be taken back')
    }
    client.term = term
    this.#owner = client
    this.#admit(client, since, ownerKey)
    if (this.#isStale) client.tell(event(this.uuid, { type: 'stale', stale: true }))
    if (this.#audience.size > 0) this.#roll.restart([...this.#listeners()].map(({ id }) => id))
  }

  /**
   * Puts back a client that was here before this room was put to sleep: it is told nothing, and neither is anybody else.
   * False when it has no place here any more.
   */
  restore(client: Client, behind: number | undefined): boolean {
    if (this.#ended !== undefined || (client.role === 'owner' && client.term < this.#term)) return false
    this.#clients.set(client.id, client)
    if (client.role === 'owner') this.#owner = client
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
      ({ seq }) => this.#acknowledge(owner, said.id, seq),
      (error) => this.#refuse(owner, said.id, error),
    )
  }

  /** A listener speaks to the owner. Throws `owner_absent` when none is here to hear it. */
  feedback(listener: Client, said: Saying): void {
    if (this.#owner === undefined) throw new RoomError('owner_absent', 'the owner is not here now')
    if (this.#owner.connection.backlog > this.#house.limits.highWaterMark) {
      throw new RoomError('rate_limited', 'the owner has more feedback than it takes', { retryAfter: 1000 })
    }
    this.#owner.write(feedbackText(listener.id, encodeBody({ ...said, state: undefined })))
    this.#acknowledge(listener, said.id, this.#seq)
  }

  /**
   * The owner offers the room to a listener, with a key that works once. It stays the owner until the other has used it.
   * Rejects with `unknown_client`, `displaced`, `log_unavailable`.
   */
  async handOver(owner: Client, to: string, secrets: Secrets, id: string | undefined): Promise<void> {
    const heir = this.#clients.get(to)
    if (heir?.role !== 'listener') {
      throw new RoomError('unknown_client', 'handover names no listener of this room', { field: 'handover' })
    }
    const ownerKey = secrets.key()
    await this.#house.log.offerHandover(this.uuid, owner.term, await secrets.hash(ownerKey))
    heir.tell(event(this.uuid, { type: 'handover', ownerKey }))
    this.#acknowledge(owner, id, this.#seq)
  }

  /** The owner ends the room (E1). */
  async close(owner: Client): Promise<void> {
    await this.#house.log.end(this.uuid, owner.term, 'room_closed')
  }

  /** A client's line is gone, or it has left. */
  remove(client: Client): void {
    if (!this.#clients.delete(client.id)) return
    if (client === this.#owner) this.#ownerDropped(client)
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
    const { seq, body, echo } = entry
    this.#seq = seq
    this.#state.apply(entry)
    const text = broadcastText(seq, body)
    this.#tail.push(text, seq)
    this.#audience.wake()
    if (echo) this.#owner?.write(text)
  }

  presence({ here, term, handedOver = false }: Presence): void {
    if (term > this.#term) this.#raiseTerm(term, handedOver)
    if (here === this.#ownerHere && !handedOver) return
    this.#ownerHere = here
    this.#announce({ type: 'owner', here, ...(handedOver && { handedOver: true }) })
  }

  restarted(snapshot: Snapshot): void {
    const { epoch, seq, term, ownerHere, ownerNode, state, tail } = snapshot
    const isLoss = epoch !== this.#epoch
    this.#epoch = epoch
    this.#seq = seq
    this.#state = new State(this.#house.limits, state, seq)
    this.#lastConflation = undefined
    this.#tail.restart(seq - tail.length)
    this.#remember(tail)
    this.#audience.restart(isLoss)
    this.presence({ here: ownerHere, term, node: ownerNode })
    if (isLoss) this.#refuse(this.#owner, undefined, new RoomError('broadcasts_lost', 'the log has lost broadcasts'))
  }

  stale(isStale: boolean): void {
    if (isStale === this.#isStale) return
    this.#isStale = isStale
    const news: RoomEvent = { type: 'stale', stale: isStale }
    this.#announce(news)
    this.#owner?.tell(event(this.uuid, news))
  }

  ended(reason: EndReason): void {
    this.#ended = reason
    const text = encode(goodbye(this.uuid, { code: reason, message: END_MESSAGES[reason] }))
    this.#tail.push(text)
    this.#audience.dismiss({ code: CODES[reason].close, reason: END_MESSAGES[reason] })
    this.#owner?.write(text)
    this.#owner?.connection.close(CODES[reason].close, END_MESSAGES[reason])
    this.#onDone()
  }

  conflate(seq: number): Batch {
    const { head } = this.#tail
    const last = this.#lastConflation
    if (last?.seq === seq && last.head === head) return last.batch
    const changed = this.#state.changedSince(seq)
    const entries = changed ?? this.#state.entries()
    const missed = this.#seq - Math.max(seq, 0) - entries.filter((entry) => entry.seq > seq).length
    const lagged: RoomEvent = {
      type: 'lagged',
      missed,
      reset: changed === undefined,
      replay: entries.length,
      position: this.position,
    }
    const texts = entries.map((entry) => replayText(entry.seq, entry.body))
    const batch = new Batch([encode(event(this.uuid, lagged)), ...texts])
    this.#lastConflation = { seq, head, batch }
    return batch
  }

  #admit(client: Client, since: Position | undefined, ownerKey?: string): void {
    const missed = since?.epoch === this.#epoch && since.seq <= this.#seq ? this.#tail.since(since.seq) : undefined
    const replay = missed ?? this.#state.replay()
    const { messageBytes, stateBytes, stateEntries } = this.#house.limits
    const { takenEvery } = client.connection
    this.#clients.set(client.id, client)
    client.remember()
    client.tell(
      welcome(this.uuid, {
        clientId: client.id,
        role: client.role,
        position: this.position,
        replay: replay.texts.length,
        recovered: missed !== undefined,
        limits: { messageBytes, stateBytes, stateEntries },
        ...(ownerKey !== undefined && { ownerKey }),
        ...(takenEvery !== undefined && { takenEvery }),
      }),
    )
    if (replay.texts.length > 0) client.connection.write(replay)
  }

  #target(owner: Client, said: Saying, to: 'self' | readonly string[]): void {
    if (owner.term < this.#term)
      return this.#refuse(owner, said.id, new RoomError('displaced', 'another owner has taken the room'))
    const clients = to === 'self' ? [owner] : to.map((id) => this.#clients.get(id))
    const absent = clients.indexOf(undefined)
    if (absent >= 0) {
      const unknown = new RoomError('unknown_client', `to.${absent} is no client of this room`, { field: 'to' })
      return this.#refuse(owner, said.id, unknown)
    }
    const batch = new Batch([targetedText(encodeBody(said))])
    for (const client of clients as Client[]) {
      // A listener over the mark has been left to drain; nothing may grow its queue.
      if (client.connection.backlog <= this.#house.limits.highWaterMark) client.connection.write(batch)
    }
    this.#acknowledge(owner, said.id, this.#seq)
  }

  #remember(tail: readonly Entry[]): void {
    for (const entry of tail) this.#tail.push(broadcastText(entry.seq, entry.body), entry.seq)
    this.#tail.trim()
  }

  #acknowledge(client: Client, id: string | undefined, seq: number): void {
    if (id === undefined) return
    client.tell(event(this.uuid, { type: 'ack', id, position: { epoch: this.#epoch, seq } }))
  }

  #refuse(client: Client | undefined, id: string | undefined, error: unknown): void {
    client?.tell(event(this.uuid, { type: 'error', ...problemOf(error), ...(id !== undefined && { id }) }))
  }

  #ownerDropped(owner: Client): void {
    this.#owner = undefined
    if (this.#ended !== undefined) return
    this.#house.log.ownerLeft(this.uuid, owner.term, this.#house.clock.now()).catch(() => {
      // The log will know by itself when it is back: a room that nobody owns is looked for by its last sign of life.
    })
  }

  #raiseTerm(term: number, handedOver: boolean): void {
    this.#term = term
    const former = this.#owner
    if (former === undefined || former.term >= term) return
    this.#owner = undefined
    if (handedOver) return this.#demote(former)
    this.#clients.delete(former.id)
    this.#disconnect(former, 'displaced', 'the room was taken back from elsewhere')
  }

  /** Who has handed the room over stays, as a listener. */
  #demote(former: Client): void {
    former.role = 'listener'
    former.term = 0
    former.remember()
    former.tell(event(this.uuid, { type: 'role', role: 'listener' }))
    this.#audience.add(former)
    this.#roll.joined(former.id)
  }

  #disconnect(client: Client, code: DisconnectCode, message: string): void {
    client.tell(goodbye(this.uuid, { code, message }))
    client.connection.close(CODES[code].close, message)
  }

  #announce(event_: RoomEvent): void {
    this.#tail.push(encode(event(this.uuid, event_)))
    this.#audience.wake()
  }

  *#listeners(): Generator<Client> {
    for (const client of this.#clients.values()) if (client.role === 'listener') yield client
  }
}
