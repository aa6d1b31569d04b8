import type { Frame } from './web-socket.ts'

/**
 * What one connection is heard of in a turn of the event loop before the others have had theirs: about a quarter of a
 * millisecond's work. A socket is read 64 KiB at a time, and 32 times in a row where nothing stops it.
 */
const TURN = { messages: 32, bytes: 64 * 1024 }

/** Milliseconds of a turn for all that waits of all connections together, and messages of one before the next is heard. */
const SHARE = 1
const SLICE = 8

/** Bytes of a message that takes long enough to count. Of many connections each may be within its share. */
const LARGE = 4096

/** A rest is up to so much longer, by chance: many that began together do not all come back in one turn. */
const SPREAD = 0.5

/** What of a WebSocket is used for reading. */
export interface Pausable {
  /** Nothing is read. */
  readonly isPaused: boolean
  pause(): void
  resume(): void
}

/** Shares the event loop among the connections that have sent more than is heard in a turn: round robin, a slice each. */
export class Turns {
  #waiting = new Set<Reader>()
  #number = 0
  #isOpen = false
  #isScheduled = false
  #spent = 0

  /** The number of this turn. */
  get number(): number {
    if (!this.#isOpen) {
      this.#isOpen = true
      setImmediate(() => {
        this.#isOpen = false
        this.#number++
        this.#spent = 0
      })
    }
    return this.#number
  }

  /** No time is left in this turn for what takes long. */
  get isSpent(): boolean {
    return this.#spent >= SHARE
  }

  /** Does what takes long. */
  spend(work: () => void): void {
    const start = performance.now()
    work()
    this.#spent += performance.now() - start
  }

  /** `reader` has something to be heard. */
  add(reader: Reader): void {
    this.#waiting.add(reader)
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#run())
  }

  delete(reader: Reader): void {
    this.#waiting.delete(reader)
  }

  #run(): void {
    this.#isScheduled = false
    const end = performance.now() + SHARE
    for (const reader of this.#waiting) {
      this.#waiting.delete(reader)
      if (reader.hear(SLICE)) this.#waiting.add(reader)
      if (performance.now() >= end) break
    }
    const [next] = this.#waiting
    if (next !== undefined) this.add(next)
  }
}

/**
 * Hands what comes on a WebSocket to its session, as much in a turn as is this connection's share. The socket is not read
 * while something waits here, while the connection rests, or while its line is full.
 */
export class Reader {
  readonly #ws: Pausable
  readonly #turns: Turns
  readonly #onFrame: (frame: Frame) => void
  #turn = -1
  #messages = 0
  #bytes = 0
  /** Read, and not heard yet: what the last read had beyond this connection's share. */
  #waiting: Frame[] | undefined
  #rest: ReturnType<typeof setTimeout> | undefined
  #isHeld = false

  constructor(ws: Pausable, turns: Turns, onFrame: (frame: Frame) => void) {
    this.#ws = ws
    this.#turns = turns
    this.#onFrame = onFrame
  }

  /** What the client says now is not heard. */
  get isDeaf(): boolean {
    return this.#ws.isPaused
  }

  receive(frame: Frame): void {
    if (this.#waiting === undefined && this.#rest === undefined && this.#isInTurn(frame)) {
      if (frame.data.length < LARGE) return this.#onFrame(frame)
      return this.#turns.spend(() => this.#onFrame(frame))
    }
    this.#waiting ??= []
    this.#waiting.push(frame)
    if (this.#rest === undefined) this.#turns.add(this)
    this.#settle()
  }

  /** Hears nothing for `ms` milliseconds, or somewhat longer. */
  rest(ms: number): void {
    clearTimeout(this.#rest)
    this.#turns.delete(this)
    this.#rest = setTimeout(
      () => {
        this.#rest = undefined
        if (this.#waiting !== undefined) this.#turns.add(this)
        this.#settle()
      },
      ms * (1 + SPREAD * Math.random()),
    )
    this.#settle()
  }

  /** Whether the line is full: who does not take answers is not to ask for more. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld
    this.#settle()
  }

  /** Hears at most `count` of those that wait. True: there are more, and it is not at rest. */
  hear(count: number): boolean {
    const waiting = this.#waiting ?? []
    let heard = 0
    while (heard < count && heard < waiting.length && this.#rest === undefined) this.#onFrame(waiting[heard++]!)
    if (heard === waiting.length) this.#waiting = undefined
    else waiting.splice(0, heard)
    this.#settle()
    return this.#waiting !== undefined && this.#rest === undefined
  }

  /** The socket is closed: what has come before is heard, and no more will come. */
  end(): void {
    clearTimeout(this.#rest)
    this.#turns.delete(this)
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const frame of waiting) this.#onFrame(frame)
    clearTimeout(this.#rest)
  }

  #isInTurn({ data }: Frame): boolean {
    const turn = this.#turns.number
    if (turn !== this.#turn) {
      this.#turn = turn
      this.#messages = 0
      this.#bytes = 0
    }
    if (this.#messages >= TURN.messages || this.#bytes >= TURN.bytes) return false
    if (data.length >= LARGE && this.#turns.isSpent) return false
    this.#messages++
    this.#bytes += data.length
    return true
  }

  #settle(): void {
    const isDeaf = this.#waiting !== undefined || this.#rest !== undefined || this.#isHeld
    if (isDeaf === this.#ws.isPaused) return
    if (isDeaf) this.#ws.pause()
    else this.#ws.resume()
  }
}
