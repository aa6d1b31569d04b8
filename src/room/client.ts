import { encode } from '../protocol/codec.ts'
import { CODES } from '../protocol/codes.ts'
import type { Role, ServerMessage } from '../protocol/messages.ts'
import type { Listener } from './audience.ts'
import { Batch } from './batch.ts'
import type { Connection } from './ports.ts'

/** One member of a room. */
export class Client implements Listener {
  readonly id: string
  readonly connection: Connection
  role: Role
  /** The term it owns the room in; 0 for a listener. */
  term = 0
  /** An owner: by its own word it takes feedback, and does not run it as it would a broadcast. */
  takesFeedback = false
  cursor = 0
  seq = 0
  lagging = false
  place = -1

  readonly #backlogLimit: number

  constructor(id: string, role: Role, connection: Connection, backlogLimit: number) {
    this.id = id
    this.role = role
    this.connection = connection
    this.#backlogLimit = backlogLimit
  }

  /** Has its line remember what it is, where that is of use. */
  remember(): void {
    const { id, role, term, takesFeedback, lagging, seq } = this
    this.connection.remember?.({
      id,
      role,
      term,
      ...(takesFeedback && { takesFeedback }),
      ...(lagging && { behind: seq }),
    })
  }

  /** A message to this client alone. */
  tell(message: ServerMessage): void {
    this.write(encode(message))
  }

  write(text: string): void {
    this.send(new Batch([text]))
  }

  /** Answers to who asks and never reads would grow without bound: that ends the line. */
  send(batch: Batch): void {
    if (this.connection.backlog > this.#backlogLimit) {
      this.connection.close(CODES.too_slow.close, 'what was written to you is not being read')
    } else this.connection.write(batch)
  }
}
