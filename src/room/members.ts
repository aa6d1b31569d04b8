import { event } from '../protocol/codec.ts'
import type { RoomEvent } from '../protocol/messages.ts'
import type { Client } from './client.ts'
import { problemOf } from './errors.ts'
import type { History } from './history.ts'

/** The clients of a room on this server, the ownership of the room, and what its members are answered. */
export class Members {
  readonly uuid: string
  readonly #history: History
  readonly #clients = new Map<string, Client>()
  /** The owner, if it is on this server. */
  owner: Client | undefined
  term: number
  /** The owner is on some server. */
  ownerHere: boolean

  constructor(uuid: string, history: History, ownership: { readonly term: number; readonly ownerHere: boolean }) {
    this.uuid = uuid
    this.#history = history
    this.term = ownership.term
    this.ownerHere = ownership.ownerHere
  }

  get size(): number {
    return this.#clients.size
  }

  get(id: string): Client | undefined {
    return this.#clients.get(id)
  }

  add(client: Client): void {
    this.#clients.set(client.id, client)
  }

  /** False when it was no member. */
  delete(client: Client): boolean {
    return this.#clients.delete(client.id)
  }

  *listeners(): Generator<Client> {
    for (const client of this.#clients.values()) if (client.role === 'listener') yield client
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
