import { event, welcome } from '../protocol/codec.ts'
import type { Position, RoomEvent } from '../protocol/messages.ts'
import type { Client } from './client.ts'
import { problemOf } from './errors.ts'
import type { History } from './history.ts'
import type { RoomLimits } from './limits.ts'
import type { Replays } from './replays.ts'

/** The clients of a room on this server, the ownership of the room, and what its members are answered. */
export class Members {
  readonly uuid: string
  readonly #history: History
  readonly #replays: Replays
  readonly #clients = new Map<string, Client>()
  /** The owner, if it is on this server. */
  owner: Client | undefined
  term: number
  /** The other node that the owner is on, if it is. */
  ownerNode: string | undefined
  /** The owner is on some node. */
  ownerHere: boolean

  constructor(
    uuid: string,
    history: History,
    replays: Replays,
    ownership: { readonly term: number; readonly ownerHere: boolean },
  ) {
    this.uuid = uuid
    this.#history = history
    this.#replays = replays
    this.term = ownership.term
    this.ownerHere = ownership.ownerHere
  }

  get size(): number {
    return this.#clients.size
  }

  get(id: string): Client | undefined {
    return this.#clients.get(id)
  }

  /** Lets `client` in: the welcome first of all, then it begins to get what it missed. `ownerKey` is told to it alone. */
  admit(client: Client, limits: RoomLimits, since: Position | undefined, ownerKey?: string): void {
    const { replay, count, recovered } = this.#history.replay(since)
    const { messageBytes, stateBytes, stateEntries } = limits
    this.putBack(client)
    client.remember()
    const greeting = welcome(this.uuid, {
      clientId: client.id,
      role: client.role,
      position: this.#history.position,
      replay: count,
      recovered,
      limits: { messageBytes, stateBytes, stateEntries },
      ...(ownerKey !== undefined && { ownerKey }),
    })
    const greet = () => {
      client.tell(greeting)
      this.#replays.begin(client, replay)
    }
    const { connection } = client
    if (replay.isOver || connection.together === undefined) greet()
    else connection.together(greet)
  }

  /** It was in before, and is told nothing. */
  putBack(client: Client): void {
    this.#clients.set(client.id, client)
  }

  /** False when it was no member. */
  delete(client: Client): boolean {
    return this.#clients.get(client.id) === client && this.#clients.delete(client.id)
  }

  /** How many of them are listeners. */
  get listening(): number {
    return this.#clients.size - (this.owner === undefined ? 0 : 1)
  }

  /** The ids of the listeners. */
  *listeners(): Generator<string> {
    for (const { id, role } of this.#clients.values()) if (role === 'listener') yield id
  }

  tell(client: Client, news: RoomEvent): void {
    client.tell(event(this.uuid, news))
  }

  tellOwner(news: RoomEvent): void {
    if (this.owner !== undefined) this.tell(this.owner, news)
  }

  acknowledge(client: Client, id: string | undefined, seq = this.#history.seq): void {
    if (id !== undefined) this.tell(client, { type: 'ack', id, position: { ...this.#history.position, seq } })
  }

  refuse(client: Client, id: string | undefined, error: unknown): void {
    this.tell(client, { type: 'error', ...problemOf(error), ...(id !== undefined && { id }) })
  }

  /** Answers a request when it is `done`, to a client that is still a member then. */
  settle(client: Client, id: string | undefined, done: Promise<void>): void {
    const isMember = () => this.get(client.id) === client
    done.then(
      () => isMember() && this.acknowledge(client, id),
      (error) => isMember() && this.refuse(client, id, error),
    )
  }
}
