import { broadcastText, encode, event, replayText } from '../protocol/codec.ts'
import type { EventMessage, Goodbye, Position, RoomEvent } from '../protocol/messages.ts'
import type { Source } from './audience.ts'
import { Batch } from './batch.ts'
import type { RoomLimits } from './limits.ts'
import type { Entry, Snapshot } from './ports.ts'
import { State } from './state.ts'
import { Tail } from './tail.ts'
import { textWeight } from './weight.ts'

/** What has been broadcast in a room, as far as it is kept: what is stored, and the recent past. */
export class History implements Source {
  readonly tail: Tail
  readonly #uuid: string
  readonly #limits: RoomLimits
  #epoch: string
  #seq: number
  #state: State
  /** The newest announcement of each type, and the seq that the room stood at. */
  readonly #announced = new Map<string, { readonly seq: number; readonly text: string }>()
  #lastConflation: { seq: number; head: number; batch: Batch } | undefined

  constructor(uuid: string, { epoch, seq, state, tail }: Snapshot, limits: RoomLimits) {
    this.#uuid = uuid
    this.#limits = limits
    this.#epoch = epoch
    this.#seq = seq
    this.#state = new State(limits, state, seq)
    this.tail = new Tail(limits, seq - tail.length)
    this.#remember(tail)
  }

  get seq(): number {
    return this.#seq
  }

  get position(): Position {
    return { epoch: this.#epoch, seq: this.#seq }
  }

  /** Bytes of memory that it takes. */
  get weight(): number {
    return this.#state.weight + this.tail.weight + (this.#lastConflation?.batch.weight ?? 0)
  }

  /** Takes in a broadcast of the log; returns its text on the wire. */
  publish(entry: Entry): string {
    this.#seq = entry.seq
    this.#state.apply(entry)
    this.#lastConflation = undefined
    return this.#push(entry)
  }

  /** Puts what is no broadcast among them: for those who are here. */
  announce(message: EventMessage | Goodbye): void {
    const text = encode(message)
    this.tail.push(text)
    this.#lastConflation = undefined
    this.#announced.set(message.event.type, { seq: this.#seq, text })
  }

  /** All that was known is void. True when it was of another epoch: broadcasts are lost. */
  restart({ epoch, seq, state, tail }: Snapshot): boolean {
    const isLoss = epoch !== this.#epoch
    this.#epoch = epoch
    this.#seq = seq
    this.#state = new State(this.#limits, state, seq)
    this.#lastConflation = undefined
    // Of another epoch its seq means nothing: from here on, all of this is old.
    if (isLoss) for (const [type, { text }] of this.#announced) this.#announced.set(type, { seq: 0, text })
    this.tail.restart(seq - tail.length)
    this.#remember(tail)
    return isLoss
  }

  /** What leads a client from `since` to here, if that is known (R5); else all that is stored. */
  replay(since: Position | undefined): { readonly batch: Batch; readonly recovered: boolean } {
    const missed = since?.epoch === this.#epoch && since.seq <= this.#seq ? this.tail.since(since.seq) : undefined
    return { batch: missed ?? this.#state.replay(), recovered: missed !== undefined }
  }

  conflate(seq: number): Batch {
    const { head } = this.tail
    const last = this.#lastConflation
    if (last?.seq === seq && last.head === head) return last.batch
    const announced = [...this.#announced.values()].filter((announcement) => announcement.seq >= seq)
    const batch = new Batch([...this.catchUp(seq), ...announced.map(({ text }) => text)])
    this.#lastConflation = { seq, head, batch }
    return batch
  }

  /** What has changed since `seq`, after a word of what was missed; all that is stored where that is not known, or -1. */
  catchUp(seq: number): string[] {
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
    return [encode(event(this.#uuid, lagged)), ...entries.map((entry) => replayText(entry.seq, entry.body))]
  }

  #remember(tail: readonly Entry[]): void {
    for (const entry of tail) this.#push(entry)
    this.tail.trim()
  }

  #push({ seq, body, bytes }: Entry): string {
    const text = broadcastText(seq, body)
    this.tail.push(text, seq, textWeight(body, bytes))
    return text
  }
}
