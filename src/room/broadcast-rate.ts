import { RoomError } from './errors.ts'
import type { RoomLimits } from './limits.ts'
import { Pace } from './pace.ts'
import type { Clock } from './ports.ts'

type Limits = Pick<RoomLimits, 'broadcastRate' | 'broadcastBytes'>

/** Who waits is told to come again when there is room for what a tenth of a second may bring: not for each message anew. */
const WORTH_WAITING = 0.1

/** Clients that are named in a message that counts as one: to write to each costs about an eighth of a broadcast's way. */
const NAMED = 8

/** What may be broadcast in one room, whoever its owner is (C6): a second's worth at once, and that much a second. */
export class BroadcastRate {
  readonly #pace: Pace
  readonly #limits: Limits

  constructor(clock: Pick<Clock, 'now'>, limits: Limits) {
    const { broadcastRate, broadcastBytes } = limits
    this.#limits = limits
    this.#pace = new Pace(
      clock,
      { burst: broadcastRate, rate: broadcastRate },
      { burst: broadcastBytes, rate: broadcastBytes },
    )
  }

  /** Throws `rate_limited` where nothing may be broadcast at the moment, or may not, by `isOvertaking`, for another reason. */
  check(isOvertaking: boolean): void {
    if (isOvertaking || !this.#pace.isOpen) throw overRate(this.#limits, this.#wait)
  }

  /** A broadcast of so many bytes is made, to so many clients that are named: each of those is a write of its own. */
  take(bytes: number, named: number): void {
    this.#pace.take(bytes, Math.ceil(named / NAMED))
  }

  /** As if nothing had been broadcast for long. */
  get isFull(): boolean {
    return this.#pace.isFull
  }

  get #wait(): number {
    const { broadcastRate, broadcastBytes } = this.#limits
    return this.#pace.wait(Math.max(1, broadcastRate * WORTH_WAITING), Math.max(1, broadcastBytes * WORTH_WAITING))
  }
}

/** `wait` in milliseconds. */
export function overRate({ broadcastRate, broadcastBytes }: Limits, wait: number): RoomError {
  const message = `a room takes at most ${broadcastRate} broadcasts and ${broadcastBytes} bytes of them a second`
  return new RoomError('rate_limited', message, { limit: broadcastRate, retryAfter: Math.max(1, Math.ceil(wait)) })
}

/** The rates of all rooms of a server. A room that nobody is in for a moment has its own again when somebody is. */
export class BroadcastRates {
  readonly #clock: Pick<Clock, 'now'>
  readonly #limits: Limits
  readonly #rates = new Map<string, BroadcastRate>()

  constructor(clock: Pick<Clock, 'now'>, limits: Limits) {
    this.#clock = clock
    this.#limits = limits
  }

  of(uuid: string): BroadcastRate {
    let rate = this.#rates.get(uuid)
    if (rate === undefined) {
      rate = new BroadcastRate(this.#clock, this.#limits)
      this.#rates.set(uuid, rate)
    }
    return rate
  }

  /** Forgets those of rooms that are not held, where there is nothing to remember. */
  forget(isHeld: (uuid: string) => boolean): void {
    for (const [uuid, rate] of this.#rates) if (rate.isFull && !isHeld(uuid)) this.#rates.delete(uuid)
  }
}
