import { encode, event } from '../protocol/codec.ts'
import { CAN } from '../protocol/routes.ts'
import type { Batch } from '../room/batch.ts'
import type { Connection, Membership } from '../room/ports.ts'
import { cutReason } from '../transports/close-reason.ts'
import { ASK_EVERY, ASK_OWNER_EVERY, GUESS, type KeptUntaken, type Untaken } from './untaken.ts'

/** What is used of a WebSocket that the hibernation API has accepted. */
export interface SocketLike {
  readonly readyState: number
  send(text: string): void
  close(code: number, reason: string): void
  serializeAttachment(kept: Attachment): void
}

/**
 * What is kept with a socket while its object sleeps. The platform allows 16,384 bytes; a uuid, a client id, some numbers
 * and a few nonces are one or two thousand at the most.
 */
export interface Attachment {
  /** The room that this object is. */
  readonly uuid: string
  /** The client's address names the room. */
  readonly isAddressed: boolean
  /** When it came, milliseconds since 1970. */
  readonly since: number
  /** It takes several messages in a frame (`CAN.lines`). */
  readonly lines?: boolean
  /** It says what it has taken (`CAN.taken`). */
  readonly reports?: boolean
  readonly member?: Membership
  /** Of one that is not level. */
  readonly full?: FullLine
  /** Absent: next to nothing. */
  readonly untaken?: KeptUntaken
  /** It was closed from here, or is gone: whatever still comes from it is nobody's. */
  readonly isOver?: true
}

/** A line that has not taken what was sent to it. Times in milliseconds since 1970. */
export interface FullLine {
  readonly from: number
  /** When it last took something. */
  readonly since: number
}

/** Whom a connection tells of its line. */
export interface LineWatch {
  /** The line was left to drain, or has taken something and not all; undefined: it is level again. */
  full(full: FullLine | undefined, drainsIn: number | undefined): void
  drained(): void
  /** More was sent than may be to a client that does not say what it takes. */
  exhausted(): void
  /** It was closed from here: whether the client ever says that it has closed, too, nobody knows. */
  closed(): void
}

const OPEN = 1

/** Characters of one frame that holds several messages. A longer message is a frame by itself. */
const FRAME = 64 * 1024

/** A WebSocket that stays open while its object sleeps. The platform says nothing of what the client has taken. */
export class SocketConnection implements Connection {
  readonly #ws: SocketLike
  readonly #now: () => number
  readonly #untakenOf: (reports: boolean, kept: KeptUntaken | undefined) => Untaken
  readonly #watch: LineWatch
  #kept: Attachment
  #untaken: Untaken

  /** `untakenOf` makes the account of what is not taken by a client that says so, or by one that does not. */
  constructor(
    ws: SocketLike,
    kept: Attachment,
    now: () => number,
    untakenOf: (reports: boolean, kept: KeptUntaken | undefined) => Untaken,
    watch: LineWatch,
  ) {
    this.#ws = ws
    this.#kept = kept
    this.#now = now
    this.#untakenOf = untakenOf
    this.#untaken = untakenOf(kept.reports === true, kept.untaken)
    this.#watch = watch
    if (kept.full !== undefined) watch.full(kept.full, this.#untaken.drainsIn)
  }

  get backlog(): number {
    return this.#untaken.characters
  }

  agree(can: readonly string[]): void {
    const reports = can.includes(CAN.taken)
    this.#kept = { ...this.#kept, lines: can.includes(CAN.lines), reports }
    this.#untaken = this.#untakenOf(reports, undefined)
  }

  remember(member: Membership): void {
    const { full, ...kept } = this.#kept
    this.#kept = { ...kept, member }
    if (member.behind !== undefined) return this.#keepFull(full?.from ?? this.#now())
    this.#keep()
    if (full !== undefined) this.#watch.full(undefined, undefined)
  }

  taken(nonce: string): boolean {
    if (!this.#untaken.taken(nonce)) return false
    // What was sent while too many questions were open has not been asked for.
    this.#count(0)
    const { full } = this.#kept
    if (full === undefined || this.backlog < ASK_EVERY) this.#keep()
    else this.#keepFull(full.from)
    if (this.backlog < ASK_EVERY) this.#watch.drained()
    return true
  }

  /** So much time has passed that a client which says nothing is taken to have drained. */
  relieved(): void {
    const { drainsIn } = this.#untaken
    if (this.#kept.full === undefined) return
    if (this.backlog <= GUESS.little) this.#watch.drained()
    else this.#watch.full(this.#kept.full, drainsIn)
  }

  write(batch: Batch): void {
    if (this.#ws.readyState !== OPEN) return
    const frames = this.#kept.lines ? batch.as(joined) : batch.texts
    for (const frame of frames) {
      attempt(() => this.#ws.send(frame))
      this.#count(frame.length)
    }
    if (this.#untaken.isStale) this.#keep()
    if (this.#untaken.isTooMuch) this.#watch.exhausted()
  }

  close(code: number, reason: string): void {
    const { readyState } = this.#ws
    this.forget()
    if (readyState === OPEN) attempt(() => this.#ws.close(code, cutReason(reason)))
    this.#watch.closed()
  }

  /** Whatever its object knew of the client is void, and what still comes from it. */
  forget(): void {
    const { uuid, isAddressed, since } = this.#kept
    this.#kept = { uuid, isAddressed, since, isOver: true }
    this.#save()
    this.#watch.full(undefined, undefined)
  }

  #count(characters: number): void {
    const every = this.#kept.member?.role === 'owner' ? ASK_OWNER_EVERY : ASK_EVERY
    const nonce = this.#untaken.sent(characters, every)
    if (nonce === undefined) return
    const question = encode(event(this.#kept.uuid, { type: 'taken', nonce }))
    attempt(() => this.#ws.send(question))
  }

  #keepFull(from: number): void {
    const full = { from, since: this.#now() }
    this.#kept = { ...this.#kept, full }
    this.#keep()
    this.#watch.full(full, this.#untaken.drainsIn)
  }

  #keep(): void {
    if (this.#kept.isOver) return
    this.#kept = { ...this.#kept, untaken: this.#untaken.keep() }
    this.#save()
  }

  #save(): void {
    attempt(() => this.#ws.serializeAttachment(this.#kept))
  }
}

/** As many messages to a frame as fit, a line each. */
export function joined(texts: readonly string[]): readonly string[] {
  const frames: string[] = []
  let lines: string[] = []
  let size = 0
  for (const text of texts) {
    if (size + text.length > FRAME && lines.length > 0) {
      frames.push(lines.join('\n'))
      lines = []
      size = 0
    }
    lines.push(text)
    size += text.length + 1
  }
  if (lines.length > 0) frames.push(lines.join('\n'))
  return frames
}

/** The client may be gone already: the object is told of that by itself, and nobody else is to suffer for it. */
function attempt(action: () => void): void {
  try {
    action()
  } catch {
    // See above.
  }
}
