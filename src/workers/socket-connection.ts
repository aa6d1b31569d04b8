import { CAN } from '../protocol/routes.ts'
import type { Batch } from '../room/batch.ts'
import type { Connection, Membership } from '../room/ports.ts'
import { cutReason } from '../transports/websocket.ts'

/** What is used of a WebSocket that the hibernation API has accepted. */
export interface SocketLike {
  readonly readyState: number
  send(text: string): void
  close(code: number, reason: string): void
  serializeAttachment(kept: Attachment): void
}

/**
 * What is kept with a socket while its object sleeps. The platform allows 16,384 bytes; a uuid, a client id and some
 * numbers are a few hundred.
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
  /** Of one that was left to drain. */
  readonly full?: FullLine
}

/** A line that has not taken what was sent to it. Times in milliseconds since 1970. */
export interface FullLine {
  /** Characters. */
  readonly backlog: number
  readonly from: number
  /** When it last took something. */
  readonly since: number
}

const OPEN = 1

/**
 * Characters after which a client is to say that it has taken them: the fewer, the sooner a full line is seen to drain, and
 * the more messages are billed. A quarter of the high-water mark.
 */
const REPORT_EVERY = 64 * 1024

/** Characters of one frame that holds several messages. A longer message is a frame by itself. */
const FRAME = 64 * 1024

/** A WebSocket that stays open while its object sleeps. The platform says nothing of what the client has taken. */
export class SocketConnection implements Connection {
  readonly #ws: SocketLike
  readonly #now: () => number
  /** The line was left to drain, or has taken something and not all. */
  readonly #onFull: (full: FullLine) => void
  readonly #onDrain: () => void
  #kept: Attachment
  #backlog: number

  constructor(
    ws: SocketLike,
    kept: Attachment,
    now: () => number,
    onFull: (full: FullLine) => void,
    onDrain: () => void,
  ) {
    this.#ws = ws
    this.#kept = kept
    this.#now = now
    this.#onFull = onFull
    this.#onDrain = onDrain
    this.#backlog = kept.full?.backlog ?? 0
  }

  get backlog(): number {
    return this.#backlog
  }

  get takenEvery(): number | undefined {
    return this.#kept.reports ? REPORT_EVERY : undefined
  }

  agree(can: readonly string[]): void {
    this.#kept = { ...this.#kept, lines: can.includes(CAN.lines), reports: can.includes(CAN.taken) }
  }

  remember(member: Membership): void {
    const { full, ...kept } = this.#kept
    this.#keep({ ...kept, member })
    if (member.behind !== undefined) this.#keepFull(full?.from ?? this.#now())
  }

  taken(count: number): void {
    this.#backlog = Math.max(0, this.#backlog - count)
    if (this.#backlog < REPORT_EVERY) this.#onDrain()
    else if (this.#kept.full !== undefined) this.#keepFull(this.#kept.full.from)
  }

  write(batch: Batch): void {
    if (this.#ws.readyState !== OPEN) return
    const frames = this.#kept.lines ? batch.as(joined) : batch.texts
    for (const frame of frames) {
      if (this.#kept.reports) this.#backlog += frame.length
      attempt(() => this.#ws.send(frame))
    }
  }

  close(code: number, reason: string): void {
    if (this.#ws.readyState === OPEN) attempt(() => this.#ws.close(code, cutReason(reason)))
  }

  #keepFull(from: number): void {
    const full = { backlog: this.#backlog, from, since: this.#now() }
    this.#keep({ ...this.#kept, full })
    this.#onFull(full)
  }

  #keep(kept: Attachment): void {
    this.#kept = kept
    attempt(() => this.#ws.serializeAttachment(kept))
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
