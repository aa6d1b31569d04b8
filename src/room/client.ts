import { encode } from '../protocol/codec.ts'
import { CODES } from '../protocol/codes.ts'
import type { Role, ServerMessage } from '../protocol/messages.ts'
import type { Listener } from './audience.ts'
import { Batch } from './batch.ts'
import { utf8Length } from './bytes.ts'
import type { Connection, Membership } from './ports.ts'
import type { Replay } from './replay.ts'
import type { Resending } from './resending.ts'

/** One member of a room. */
export class Client implements Listener {
  readonly id: string
  readonly connection: Connection
  role: Role
  /** The term it owns the room in; 0 for a listener. */
  term = 0
  /** An owner: by its own word it takes feedback, and does not run it as it would a broadcast. */
  takesFeedback = false
  /** An owner that says again what was refused for its rate: what is to be said first. */
  resending: Resending | undefined
  cursor = 0
  seq = 0
  lagging = false
  replay: Replay | undefined
  place = -1

  readonly #backlogLimit: number
  #held: Batch[] = []
  #heldBytes = 0
  #remembered: Membership | undefined
  #wasLagging = false

  constructor(id: string, role: Role, connection: Connection, backlogLimit: number) {
    this.id = id
    this.role = role
    this.connection = connection
    this.#backlogLimit = backlogLimit
  }

  /** Has its line remember what it is, where that is of use. */
  remember(): void {
    const { connection, id, role, term, takesFeedback, resending, lagging, replay, seq } = this
    if (connection.remember === undefined) return
    const isBehind = lagging || replay !== undefined
    const member: Membership = {
      id,
      role,
      term,
      ...(takesFeedback && { takesFeedback }),
      ...(resending !== undefined && { resends: true }),
      ...(isBehind && { behind: replay?.stand ?? seq }),
    }
    const last = this.#remembered
    const isSame = last?.role === role && last.term === term && last.behind === member.behind
    // Each time that it is left to drain its line has to say when it has: of a state, all pieces but the last lead nowhere.
    if (isSame && this.#wasLagging === lagging) return
    this.#remembered = member
    this.#wasLagging = lagging
    connection.remember(member)
  }

  /** Bytes that wait to be taken. */
  get backlog(): number {
    return this.connection.backlog + this.#heldBytes
  }

  /** Its replay is over: what it was told meanwhile comes now. */
  release(): void {
    const held = this.#held
    this.#held = []
    this.#heldBytes = 0
    for (const batch of held) this.connection.write(batch)
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
    if (this.backlog > this.#backlogLimit) {
      this.connection.close(CODES.too_slow.close, 'what was written to you is not being read')
    } else if (this.role === 'owner' && this.replay !== undefined) this.#hold(batch)
    else this.connection.write(batch)
  }

  /** An owner hears of what it said, and sees it, after what was said before. */
  #hold(batch: Batch): void {
    this.#held.push(batch)
    for (const text of batch.texts) this.#heldBytes += utf8Length(text)
  }
}
