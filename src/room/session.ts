import { type Decoded, decode, encode, event, goodbye, type Request, type Saying } from '../protocol/codec.ts'
import { CODES, type DisconnectCode, type Problem } from '../protocol/codes.ts'
import type { Position } from '../protocol/messages.ts'
import { CAN, PING, PONG } from '../protocol/routes.ts'
import { Batch } from './batch.ts'
import { utf8Length } from './bytes.ts'
import { Client } from './client.ts'
import { Conduct } from './conduct.ts'
import { problemOf, RoomError } from './errors.ts'
import type { RoomHouse } from './house.ts'
import { backlogLimit } from './limits.ts'
import type { Manager, Owned } from './manager.ts'
import type { Cancel, Connection, Membership } from './ports.ts'
import { Resending } from './resending.ts'
import type { Room } from './room.ts'

/** Requests that may wait while a client is being let in, and characters of them: of more than one request. */
const WAITING = { requests: 32, characters: 256 * 1024 }

const PONG_BATCH = new Batch([PONG])

type Stage = 'new' | 'entering' | 'in' | 'over'

/**
 * What one connection says, from its first message to its last: each becomes a call on a room, and that a reply or a
 * close. Nothing here throws or rejects, whatever comes in.
 */
export class Session {
  readonly #manager: Manager
  readonly #house: RoomHouse
  readonly #connection: Connection
  /** The room of the address, where the address names one. */
  readonly #address: string | undefined
  readonly #cancelDeadline: Cancel
  // Made for those who need them: most say nothing after they have joined.
  #conduct: Conduct | undefined
  #waiting: string[] | undefined
  #takesFeedback = false
  #waitingCharacters = 0
  #resends = false
  #stage: Stage = 'new'
  #isGone = false
  #client: Client | undefined
  #room: Room | undefined

  constructor(manager: Manager, house: RoomHouse, connection: Connection, address?: string) {
    const { clock, limits } = house
    this.#manager = manager
    this.#house = house
    this.#connection = connection
    this.#address = address
    this.#cancelDeadline = clock.after(limits.handshake, () =>
      this.#disconnect({ code: 'handshake_timeout', message: 'neither opened nor joined a room in time' }),
    )
  }

  /** The line was a member of `room` before this runtime put the room to sleep: it is one again, and is told nothing. */
  restore(room: Room, { id, role, term, takesFeedback, resends, behind }: Membership): void {
    const client = new Client(id, role, this.#connection, backlogLimit(this.#house.limits))
    client.term = term
    client.takesFeedback = takesFeedback === true
    if (resends) client.resending = new Resending()
    if (!room.restore(client, behind)) {
      return this.#disconnect({ code: 'room_unavailable', message: 'your place in the room is gone: come again' })
    }
    this.#client = client
    this.#room = room
    this.#stage = 'in'
    this.#cancelDeadline()
  }

  /** A text message has come. */
  receive(text: string): void {
    if (this.#stage === 'over') return
    if (text === PING) {
      this.#write(PONG_BATCH)
      return this.#asked(text.length)
    }
    if (this.#isTooLarge(text)) return
    if (this.#stage === 'entering') return this.#wait(text)
    const decoded = decode(text)
    if (!decoded.ok) return this.#offend(decoded, text.length)
    try {
      this.#handle(decoded.request, text)
    } catch (error) {
      this.#refuse(decoded.request, problemOf(error), text.length)
    }
  }

  /** A binary message has come, which is none. */
  receiveBinary(bytes: number): void {
    if (this.#stage === 'over') return
    const problem = { code: 'binary_message', message: 'a message is JSON in a text frame' } as const
    this.#offend({ ok: false, problem }, bytes)
  }

  /** A control frame of the transport has come: a ping, or an answer that nobody asked for. */
  receiveControl(bytes: number): void {
    if (this.#stage !== 'over') this.#asked(bytes)
  }

  /** The client is an owner, who is to be read even while its line is full (C7). */
  get isOwner(): boolean {
    return this.#client?.role === 'owner'
  }

  /** The line is gone. */
  gone(): void {
    this.#isGone = true
    this.#finish()
  }

  /** The line has taken all that was written to it. */
  drained(): void {
    if (this.#client !== undefined) this.#room?.drained(this.#client)
  }

  /** The line has taken nothing at all for the write deadline. */
  stalled(): void {
    this.#disconnect({ code: 'too_slow', message: 'nothing of what was written to you was taken in time' })
  }

  /** The line answers no ping. */
  unresponsive(): void {
    this.#disconnect({ code: 'unresponsive', message: 'no sign of life' })
  }

  /** The server stops: the client is to come back at a random moment within `retryWithin` milliseconds (E3). */
  goAway(retryWithin: number): void {
    if (this.#stage === 'over') return
    this.#connection.write(new Batch([encode(event(this.#room?.uuid ?? '', { type: 'goaway', retryWithin }))]))
    this.#connection.close(CODES.going_away.close, 'the server stops')
    this.#finish()
  }

  #handle(request: Request, text: string): void {
    if (this.#stage === 'new') return this.#begin(request)
    const room = this.#room!
    switch (request.kind) {
      case 'taken':
        return this.#hearTaken(request.nonce)
      case 'say':
        this.#checkRoom(request.uuid, room)
        return this.#say(request, text, room, this.#client!)
      case 'hand over':
        this.#checkRoom(request.uuid, room)
        this.#asked(text.length)
        return this.#handOver(request.to, request.id, room, this.#client!)
      case 'close':
        this.#checkRoom(request.uuid, room)
        this.#asked(text.length)
        return this.#close(room, this.#client!)
      default:
        throw new RoomError('already_in_room', 'this connection is in a room already', { field: 'status.value' })
    }
  }

  /** What it was asked is no message too many: it has read much more for it. */
  #hearTaken(nonce: string): void {
    if (this.#connection.taken?.(nonce)) return
    throw new RoomError('bad_message', 'taken is no nonce that was sent to you and is still open', { field: 'taken' })
  }

  #begin(request: Request): void {
    if ('can' in request) {
      this.#takesFeedback = request.can.includes(CAN.feedback)
      this.#resends = request.can.includes(CAN.resends)
      this.#connection.agree?.(request.can)
    }
    switch (request.kind) {
      case 'open':
        if (this.#address !== undefined) {
          throw new RoomError('wrong_room', 'this address is of one room: new ones are opened elsewhere', {
            field: 'uuid',
          })
        }
        return this.#enter(() => this.#open())
      case 'take back':
        return this.#enter(() => this.#takeBack(request.uuid, request.ownerKey, request.since))
      case 'join':
        return this.#enter(() => this.#join(request.uuid, request.since))
      default:
        throw new RoomError('not_in_room', 'open or join a room first', { field: 'status.value' })
    }
  }

  async #open(): Promise<void> {
    this.#own(await this.#manager.open())
  }

  async #takeBack(uuid: string, key: string, since: Position | undefined): Promise<void> {
    const owned = this.#isAddressed(uuid) ? await this.#manager.takeBack(uuid, key) : undefined
    if (owned === undefined) throw new RoomError('take_back_refused', 'no such room, or not its key')
    this.#own(owned, since)
  }

  #own({ room, term, ownerKey }: Owned, since?: Position): void {
    try {
      this.#become('owner', room, (client) => room.admitOwner(client, term, ownerKey, since))
    } catch (error) {
      // The log has let it in: nobody else would say that it is not here.
      this.#manager.ownerLost(room.uuid, term)
      throw error
    }
  }

  async #join(uuid: string, since: Position | undefined): Promise<void> {
    const room = this.#isAddressed(uuid) ? await this.#manager.room(uuid) : undefined
    if (room === undefined) throw new RoomError('room_not_found', 'there is no such room', { field: 'uuid' })
    this.#become('listener', room, (client) => room.join(client, since))
  }

  #become(role: 'owner' | 'listener', room: Room, admit: (client: Client) => void): void {
    const { secrets, limits } = this.#house
    const client = new Client(secrets.clientId(), role, this.#connection, backlogLimit(limits))
    if (role === 'owner') {
      client.takesFeedback = this.#takesFeedback
      if (this.#resends) client.resending = new Resending()
    }
    admit(client)
    this.#client = client
    this.#room = room
  }

  /** Runs one of the ways in; what comes meanwhile waits. */
  #enter(way: () => Promise<void>): void {
    this.#stage = 'entering'
    way().then(
      () => {
        if (this.#isGone || this.#stage === 'over') return this.#leaveRoom()
        this.#stage = 'in'
        this.#cancelDeadline()
        const waiting = this.#stopWaiting()
        for (const text of waiting) this.receive(text)
      },
      (error) => this.#refuseEntry(problemOf(error)),
    )
  }

  #isTooLarge(text: string): boolean {
    const { messageBytes } = this.#house.limits
    if (text.length * 3 <= messageBytes || utf8Length(text) <= messageBytes) return false
    const message = `a message is at most ${messageBytes} bytes`
    this.#disconnect({ code: 'message_too_large', message, field: 'message', limit: messageBytes })
    return true
  }

  #wait(text: string): void {
    this.#waiting ??= []
    this.#waitingCharacters += text.length
    this.#house.budget.add(2 * text.length)
    const { requests, characters } = WAITING
    if (this.#waiting.length >= requests) this.#refuseToWait(`more than ${requests} messages`)
    else if (this.#waiting.length > 0 && this.#waitingCharacters > characters) {
      this.#refuseToWait(`more than ${characters} characters`)
    } else this.#waiting.push(text)
  }

  #stopWaiting(): readonly string[] {
    const waiting = this.#waiting ?? []
    this.#house.budget.add(-2 * this.#waitingCharacters)
    this.#waitingCharacters = 0
    this.#waiting = undefined
    return waiting
  }

  #refuseToWait(what: string): void {
    this.#disconnect({ code: 'too_many_errors', message: `${what} before being let in` })
  }

  #say(said: Saying, text: string, room: Room, client: Client): void {
    if (client.role === 'owner') return room.broadcast(client, said)
    this.#ownConduct.speaks(text)
    room.feedback(client, said)
  }

  #handOver(to: string, id: string | undefined, room: Room, client: Client): void {
    if (client.role !== 'owner') throw new RoomError('not_owner', 'only the owner hands a room over')
    room.handOver(client, to, id)
  }

  #close(room: Room, client: Client): void {
    if (client.role === 'listener') return this.#disconnect({ code: 'left', message: 'you left the room' })
    room.close(client).catch((error) => this.#reply(problemOf(error), undefined))
  }

  #checkRoom(uuid: string, room: Room): void {
    if (uuid.toLowerCase() !== room.uuid) {
      throw new RoomError('wrong_room', 'uuid is not the room that this connection is in', { field: 'uuid' })
    }
  }

  #isAddressed(uuid: string): boolean {
    return this.#address === undefined || this.#address.toLowerCase() === uuid.toLowerCase()
  }

  /** What is refused costs the client something, too. */
  #refuse(request: Request, problem: Problem, bytes: number): void {
    this.#reply(problem, 'id' in request ? request.id : undefined)
    if (this.isOwner && problem.code === 'rate_limited') return this.#ownConduct.overdid(bytes)
    this.#asked(bytes)
    if (!CODES[problem.code].retry) this.#ownConduct.offended()
  }

  #offend({ problem, id }: Extract<Decoded, { ok: false }>, bytes: number): void {
    this.#reply(problem, id)
    this.#asked(bytes)
    this.#ownConduct.offended()
  }

  #asked(bytes: number): void {
    this.#ownConduct.asked(bytes)
  }

  get #ownConduct(): Conduct {
    const { clock, limits } = this.#house
    this.#conduct ??= new Conduct(clock, limits, this.#connection, (message) =>
      this.#disconnect({ code: 'too_many_errors', message }),
    )
    return this.#conduct
  }

  #reply(problem: Problem, id: string | undefined): void {
    const message = event(this.#room?.uuid ?? '', { type: 'error', ...problem, ...(id !== undefined && { id }) })
    this.#write(new Batch([encode(message)]))
  }

  /** An answer. To who asks and never reads they would grow without bound: that ends the line. */
  #write(batch: Batch): void {
    if (this.#connection.backlog <= backlogLimit(this.#house.limits)) this.#connection.write(batch)
    else this.#disconnect({ code: 'too_slow', message: 'what was written to you is not being read' })
  }

  /** An error that does not end connections by itself ends one that was not let in. */
  #refuseEntry(problem: Problem): void {
    const isFinal = 'close' in CODES[problem.code]
    this.#disconnect(
      isFinal ? (problem as Problem & { code: DisconnectCode }) : { ...problem, code: 'room_unavailable' },
    )
  }

  #disconnect(problem: Problem & { code: DisconnectCode }): void {
    if (this.#stage === 'over') return
    this.#connection.write(new Batch([encode(goodbye(this.#room?.uuid ?? '', problem))]))
    this.#connection.close(CODES[problem.code].close, problem.message)
    this.#finish()
  }

  #finish(): void {
    this.#stage = 'over'
    this.#cancelDeadline()
    this.#stopWaiting()
    this.#leaveRoom()
  }

  #leaveRoom(): void {
    const client = this.#client
    this.#client = undefined
    if (client !== undefined) this.#room?.remove(client)
  }
}
