import { Allowance, type Rate } from './allowance.ts'
import { utf8Length } from './bytes.ts'
import { RoomError } from './errors.ts'
import type { RoomLimits } from './limits.ts'
import { Pace } from './pace.ts'
import type { Clock, Connection } from './ports.ts'

/** Messages that a client may get wrong, and how many of them are forgiven a second. */
const OFFENCES = { burst: 20, rate: 1 }

/** Messages of any kind that no other rate bounds: pings, what is wrong, what is refused. */
const MESSAGES = { burst: 200, rate: 100 }

/** Broadcasts over the rate of their room: an SDK has up to 256 under way when it learns that it has to wait. */
const REFUSED = { burst: 1000, rate: 500 }

type Limits = Pick<RoomLimits, 'messageBytes' | 'feedbackRate' | 'feedbackBytes' | 'broadcastBytes'>

/**
 * What one connection may ask of the server (B4). Nothing that comes in is free: who asks for more than its due is not read
 * for a while or, where the transport cannot do that, cut off.
 */
export class Conduct {
  readonly #clock: Clock
  readonly #limits: Limits
  readonly #connection: Connection
  readonly #onTooMuch: (message: string) => void
  // Each made for those who need it.
  #offences: Allowance | undefined
  #others: Pace | undefined
  #feedback: Pace | undefined
  #refused: Pace | undefined

  /** `onTooMuch` is to end the connection. */
  constructor(clock: Clock, limits: Limits, connection: Connection, onTooMuch: (message: string) => void) {
    this.#clock = clock
    this.#limits = limits
    this.#connection = connection
    this.#onTooMuch = onTooMuch
  }

  /** A message that was wrong. */
  offended(): void {
    this.#offences ??= new Allowance(this.#clock, OFFENCES)
    if (!this.#offences.take()) this.#onTooMuch('too many messages were wrong')
  }

  /** A message of so many bytes that no other rate bounds. */
  asked(bytes: number): void {
    this.#others ??= this.#makeOthers()
    this.#charge(this.#others, bytes)
  }

  /** Feedback. Throws `rate_limited`. */
  speaks(text: string): void {
    const { feedbackRate, feedbackBytes } = this.#limits
    this.#feedback ??= new Pace(this.#clock, twice(feedbackRate), twice(feedbackBytes))
    if (this.#feedback.isOpen && this.#feedback.take(utf8Length(text))) return
    const message = `at most ${feedbackRate} feedback messages and ${feedbackBytes} bytes of them a second`
    throw new RoomError('rate_limited', message, { limit: feedbackRate, retryAfter: this.#feedback.wait() })
  }

  /** A broadcast of so many bytes that was over the rate of its room. */
  overdid(bytes: number): void {
    const { broadcastBytes } = this.#limits
    this.#refused ??= new Pace(this.#clock, REFUSED, twice(broadcastBytes))
    this.#charge(this.#refused, bytes)
  }

  #makeOthers(): Pace {
    const { messageBytes, feedbackBytes } = this.#limits
    return new Pace(this.#clock, MESSAGES, { burst: 4 * Math.max(messageBytes, feedbackBytes), rate: feedbackBytes })
  }

  #charge(pace: Pace, bytes: number): void {
    pace.charge(bytes)
    if (pace.isOpen) return
    if (this.#connection.rest !== undefined) this.#connection.rest(pace.wait())
    else if (pace.isExhausted) this.#onTooMuch('more was asked than is answered: wait for retryAfter')
  }
}

function twice(rate: number): Rate {
  return { burst: 2 * rate, rate }
}
