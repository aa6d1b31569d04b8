import { RoomcastError } from './errors.ts'
import type { Watch } from './watch.ts'

/** What may wait here at one time. */
const MESSAGES = 1000
const CHARACTERS = 1024 * 1024

/** What of it may be under way at one time: less than the tail by which the server knows what it has already. */
const WINDOW = { messages: 256, characters: 256 * 1024 }

/** Messages under way at least, of who was told to wait; and how much more each that is taken allows. */
const SLOW = { messages: 8, growth: 0.25 }

/** Milliseconds until what the server could not store is said again, unless it says before that it can. */
const RETRY = 1000

interface Unanswered {
  readonly text: string
  /** Said to single clients: not said again on another line, since the log does not know it. */
  readonly isTargeted: boolean
  isUnderWay: boolean
  /** Why it was not stored, where it waits for a time when it can be. */
  refusal: RoomcastError | undefined
  resolve(): void
  reject(error: RoomcastError): void
}

/**
 * The broadcasts that the server has not acknowledged. They are sent again on each new line, and while the server cannot
 * store them, in their order and under their ids, so that none is lost and none is taken twice.
 */
export class Outbox {
  readonly #unanswered = new Map<string, Unanswered>()
  readonly #prefix = randomPrefix()
  readonly #send: (text: string) => boolean
  readonly #watch: Watch
  readonly #capacity: number
  #messageBytes = Number.POSITIVE_INFINITY
  #count = 0
  /** Messages that may be under way: fewer after the room took no more. */
  #window = WINDOW.messages
  #characters = 0
  readonly #underWay = { messages: 0, characters: 0 }
  /** Something was refused that is to be said again: not before all that is under way has its answer, which may be the same. */
  #isSettling = false
  /** Set while nothing is sent, since the server could not store it. */
  #pause: ReturnType<typeof setTimeout> | undefined

  /** `send` says something to the server; false when there is no line to say it on. `capacity`: messages that may wait. */
  constructor(send: (text: string) => boolean, watch: Watch, capacity = MESSAGES) {
    this.#send = send
    this.#watch = watch
    this.#capacity = capacity
  }

  /** Says the message under an id of its own, now or when there is a line for it. Settles with the server's answer. */
  async put(message: object, isTargeted: boolean): Promise<void> {
    const id = `${this.#prefix}:${++this.#count}`
    const text = textOf({ ...message, id })
    if (this.#isTooLarge(text)) throw this.#tooLarge()
    if (this.#unanswered.size >= this.#capacity || this.#characters + text.length > CHARACTERS) {
      const message = `more than ${this.#capacity} messages, or ${CHARACTERS} characters, wait for the server's answer`
      throw new RoomcastError({ code: 'queue_full', message, limit: this.#capacity })
    }
    const answer = new Promise<void>((resolve, reject) => {
      this.#unanswered.set(id, { text, isTargeted, isUnderWay: false, refusal: undefined, resolve, reject })
      this.#characters += text.length
    })
    this.#sendMore()
    return answer
  }

  /** Returns the text of what the server has taken now. */
  acknowledge(id: string): string | undefined {
    this.#rejectOvertaken(id)
    const taken = this.#take(id)
    taken?.resolve()
    this.#window = Math.min(WINDOW.messages, this.#window + SLOW.growth)
    this.#sendMore()
    return taken?.text
  }

  /** True when nobody has been told of it: the message is none of those that wait, or the first that now has to wait on. */
  fail(id: string, error: RoomcastError): boolean {
    const unanswered = this.#unanswered.get(id)
    if (unanswered === undefined) return true
    const isFirst = this.#pause === undefined
    const isHeld = error.code === 'log_unavailable' && !unanswered.isTargeted
    if (isHeld) this.#hold(unanswered, error)
    else this.#take(id)?.reject(error)
    this.#sendMore()
    return isHeld && isFirst
  }

  /**
   * The room takes no more for now: it is said again when `error` says, and all that came after it behind it (C6). True for the
   * first that now has to wait.
   */
  postpone(id: string, error: RoomcastError): boolean {
    const unanswered = this.#unanswered.get(id)
    if (unanswered === undefined) return true
    const isFirst = this.#pause === undefined
    if (isFirst) this.#window = Math.max(SLOW.messages, this.#window / 2)
    this.#isSettling = true
    this.#hold(unanswered, error)
    this.#sendMore()
    return isFirst
  }

  /** The server can store broadcasts again. */
  release(): void {
    clearTimeout(this.#pause)
    this.#pause = undefined
    this.#sendMore()
  }

  /** There is a new line, whose server takes messages of so many bytes: all is said again that was under way on the old one. */
  resend(messageBytes: number): void {
    this.#messageBytes = messageBytes
    this.#watch.stop()
    for (const [id, { text }] of this.#unanswered) if (this.#isTooLarge(text)) this.#take(id)?.reject(this.#tooLarge())
    const lost = [...this.#unanswered].filter(([, { isUnderWay }]) => isUnderWay)
    this.#underWay.messages = 0
    this.#underWay.characters = 0
    for (const [id, unanswered] of lost) {
      unanswered.isUnderWay = false
      if (unanswered.isTargeted) this.#take(id)?.reject(notDelivered())
    }
    this.release()
  }

  failAll(error: RoomcastError): void {
    clearTimeout(this.#pause)
    this.#pause = undefined
    for (const id of [...this.#unanswered.keys()]) this.#take(id)?.reject(error)
  }

  /** A line that holds would be ended by it (B1). Of UTF-8 there are at most three bytes to a UTF-16 unit. */
  #isTooLarge(text: string): boolean {
    return text.length * 3 > this.#messageBytes && new TextEncoder().encode(text).length > this.#messageBytes
  }

  #tooLarge(): RoomcastError {
    const limit = this.#messageBytes
    return new RoomcastError({ code: 'message_too_large', message: `a message is at most ${limit} bytes`, limit })
  }

  #hold(unanswered: Unanswered, refusal: RoomcastError): void {
    unanswered.refusal = refusal
    this.#returned(unanswered)
    this.#pause ??= setTimeout(() => this.release(), refusal.retryAfter ?? RETRY)
  }

  /** One that was said later has its place: said again, those before it would come after it. */
  #rejectOvertaken(id: string): void {
    if (!this.#unanswered.has(id)) return
    for (const [earlier, { refusal, isUnderWay }] of this.#unanswered) {
      if (earlier === id) return
      if (refusal !== undefined && !isUnderWay) this.#take(earlier)?.reject(refusal)
    }
  }

  #sendMore(): void {
    const { messages, characters } = this.#underWay
    if (this.#pause !== undefined || (this.#isSettling && messages > 0)) return
    this.#isSettling = false
    if (messages >= this.#window || characters >= WINDOW.characters) return
    for (const unanswered of this.#unanswered.values()) {
      if (unanswered.isUnderWay) continue
      if (this.#underWay.messages >= this.#window || this.#underWay.characters >= WINDOW.characters) return
      if (!this.#send(unanswered.text)) return
      unanswered.isUnderWay = true
      this.#underWay.messages++
      this.#underWay.characters += unanswered.text.length
      this.#watch.expect(this.#underWay.characters)
    }
  }

  #take(id: string): Unanswered | undefined {
    const unanswered = this.#unanswered.get(id)
    if (unanswered === undefined) return undefined
    this.#unanswered.delete(id)
    this.#characters -= unanswered.text.length
    this.#returned(unanswered)
    this.#watch.stop()
    if (this.#unanswered.size > 0) this.#watch.expect(this.#underWay.characters)
    return unanswered
  }

  #returned(unanswered: Unanswered): void {
    if (!unanswered.isUnderWay) return
    unanswered.isUnderWay = false
    this.#underWay.messages--
    this.#underWay.characters -= unanswered.text.length
  }
}

function textOf(message: object): string {
  try {
    return JSON.stringify(message)
  } catch (error) {
    const { message } = error as Error
    throw new RoomcastError(
      { code: 'bad_message', field: 'funcParams', message: `funcParams is no JSON: ${message}` },
      error,
    )
  }
}

/** Not by `randomUUID`, which a page that came over plain HTTP does not have. */
function randomPrefix(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function notDelivered(): RoomcastError {
  return new RoomcastError({
    code: 'not_delivered',
    message: 'the line was lost: whether it was delivered is not known',
  })
}
