import { broadcastText, encode, event } from '../protocol/codec.ts'
import type { EventMessage, Goodbye, Position, RoomEvent } from '../protocol/messages.ts'
import type { Source } from './audience.ts'
import { Batch } from './batch.ts'
import type { Bound } from './budget.ts'
import type { RoomLimits } from './limits.ts'
import type { Entry, Snapshot } from './ports.ts'
import { Recovery, type Replay } from './replay.ts'
import { type Range, State } from './state.ts'
import { type Beginning, StateReplay } from './state-replay.ts'
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
  /** Characters of a replay that are written at a time. */
  readonly #piece: number
  #lastLagged: { readonly key: string; readonly beginning: Beginning } | undefined

  constructor(uuid: string, { epoch, seq, state, tail }: Snapshot, limits: RoomLimits, bound: Bound) {
    this.#uuid = uuid
    this.#limits = limits
    this.#piece = limits.highWaterMark / 2
    this.#epoch = epoch
    this.#seq = seq
    this.#state = new State(limits, state, seq)
    this.tail = new Tail(limits, seq - tail.length, bound)
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
    return this.#state.weight + this.tail.weight + (this.#lastLagged?.beginning.first?.weight ?? 0)
  }

  /** Lets go of what can be made again, and of as much of the recent past as is over what may be kept. */
  economize(): void {
    this.#lastLagged = undefined
    this.#state.economize()
    this.tail.economize()
  }

  /** Takes in a broadcast of the log; returns its text on the wire. */
  publish(entry: Entry): string {
    this.#seq = entry.seq
    this.#state.apply(entry)
    this.#lastLagged = undefined
    return this.#push(entry)
  }

  /** Puts what is no broadcast among them: for those who are here. */
  announce(message: EventMessage | Goodbye): void {
    const text = encode(message)
    this.tail.push(text)
    this.#lastLagged = undefined
    this.#announced.set(message.event.type, { seq: this.#seq, text })
  }

  /** All that was known is void. True when it was of another epoch: broadcasts are lost. */
  restart({ epoch, seq, state, tail }: Snapshot): boolean {
    const isLoss = epoch !== this.#epoch
    this.#epoch = epoch
    this.#seq = seq
    this.#state = new State(this.#limits, state, seq)
    this.#lastLagged = undefined
    // Of another epoch its seq means nothing: from here on, all of this is old.
    if (isLoss) for (const [type, { text }] of this.#announced) this.#announced.set(type, { seq: 0, text })
    this.tail.restart(seq - tail.length)
    this.#remember(tail)
    return isLoss
  }

  /** What leads a client from `since` to here, if that is known (R5); else all that is stored. `count`: its messages. */
  replay(since: Position | undefined): {
    readonly replay: Replay
    readonly count: number
    readonly recovered: boolean
  } {
    if (since?.epoch === this.#epoch && since.seq <= this.#seq && this.tail.knows(since.seq)) {
      const replay = new Recovery(this.tail, since.seq, this.#seq, this.#piece, (seq) => this.catchUp(seq))
      return { replay, count: this.#seq - since.seq, recovered: true }
    }
    const { seq } = this
    const left = this.#state.size
    const range = { after: 0, upTo: seq, clearsAfter: seq }
    const beginning = { first: undefined, range, left, events: undefined, cursor: this.tail.head, seq }
    return { replay: this.#stateReplay(beginning), count: left, recovered: false }
  }

  catchUp(seq: number): Replay {
    const range = { after: Math.max(seq, 0), upTo: this.#seq, clearsAfter: seq }
    return this.#stateReplay(this.#lagged(seq, range))
  }

  #stateReplay(beginning: Beginning): Replay {
    const beginAgain = (seq: number, range: Range) => this.#lagged(seq, { ...range, upTo: this.#seq })
    return new StateReplay(this.#state, this.#piece, beginning, beginAgain)
  }

  /** A word of what was missed since `seq`, and then `range` of what is stored; or all that is, where clears are forgotten. */
  #lagged(seq: number, range: Range): Beginning {
    const { head } = this.tail
    const key = `${seq}-${range.after}-${range.clearsAfter}-${head}`
    if (this.#lastLagged?.key === key) return this.#lastLagged.beginning
    const reset = !this.#state.knowsClearsSince(range.clearsAfter)
    const whole = reset ? { after: 0, upTo: this.#seq, clearsAfter: this.#seq } : range
    const count = this.#state.count(whole)
    const since = Math.max(seq, 0)
    const lagged: RoomEvent = {
      type: 'lagged',
      missed: this.#seq - since - this.#state.count({ ...whole, after: Math.max(since, whole.after) }),
      reset,
      replay: count,
      position: this.position,
    }
    const beginning = this.#beginning(encode(event(this.#uuid, lagged)), whole, count, this.#announcedSince(seq))
    this.#lastLagged = { key, beginning }
    return beginning
  }

  /** Where it is not much, all of it is one batch. */
  #beginning(opening: string, range: Range, count: number, events: readonly string[]): Beginning {
    const { batch, last } = this.#state.piece(range, this.#piece)
    const left = count - batch.texts.length
    return {
      first: new Batch([opening, ...batch.texts, ...(left <= 0 ? events : [])]),
      range: { ...range, after: last },
      left,
      events: left > 0 && events.length > 0 ? new Batch(events) : undefined,
      cursor: this.tail.head,
      seq: this.#seq,
    }
  }

  #announcedSince(seq: number): string[] {
    return [...this.#announced.values()].filter((announcement) => announcement.seq >= seq).map(({ text }) => text)
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
