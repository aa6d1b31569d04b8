import { RoomError } from './errors.ts'

/** What bounds all rooms of a server together. */
export interface Bound {
  /** Little is left: what is only a convenience is to be let go. */
  readonly isTight: boolean
  /** Nothing is left: no new room, and no more state. The rooms that there are go on. */
  readonly isFull: boolean
  /** The refusal of what would need more. */
  refusal(code: 'server_full' | 'state_full'): RoomError
}

/** The part of a budget that may be used before it is tight. */
export const TIGHT = 0.75

/** Milliseconds after which another try may be of use. */
const RETRY_AFTER = 5000

/** The refusal of what would pass a bound of so many bytes on all rooms together; `of` says bytes of what. */
export function overBudget(code: 'server_full' | 'state_full', limit: number, of: string): RoomError {
  const message = `the server's rooms are at their bound of ${limit} bytes of ${of}`
  const field = code === 'state_full' ? { field: 'stateMessage' } : {}
  return new RoomError(code, message, { ...field, limit, retryAfter: RETRY_AFTER })
}

/** Throws the refusal of what needs more than is left in one of `bounds`. */
export function checkBounds(code: 'server_full' | 'state_full', ...bounds: readonly Bound[]): void {
  for (const bound of bounds) if (bound.isFull) throw bound.refusal(code)
}

/** For who has none. */
export const UNBOUNDED: Bound = {
  isTight: false,
  isFull: false,
  refusal: (code) => overBudget(code, Infinity, 'memory'),
}

/** A holder's part of a budget. */
export interface Share {
  /** It holds so many bytes now, in place of what it held before. */
  set(bytes: number): void
}

/** What a server holds in memory for all its rooms and in all its queues, in bytes (`weight.ts`), against its bound. */
export class Budget implements Bound {
  readonly limit: number
  readonly #relieves: (() => void)[] = []
  #held = 0

  constructor(limit: number) {
    this.limit = limit
  }

  get held(): number {
    return this.#held
  }

  get isTight(): boolean {
    return this.#held > TIGHT * this.limit
  }

  get isFull(): boolean {
    return this.#held >= this.limit
  }

  /** `relieve` is called whenever more is held while little is left; it may be often. */
  onTight(relieve: () => void): void {
    this.#relieves.push(relieve)
  }

  /** So many bytes more are held, or less. */
  add(bytes: number): void {
    this.#held += bytes
    if (bytes > 0 && this.isTight) for (const relieve of this.#relieves) relieve()
  }

  share(): Share {
    let held = 0
    return {
      set: (bytes) => {
        const more = bytes - held
        held = bytes
        this.add(more)
      },
    }
  }

  refusal(code: 'server_full' | 'state_full'): RoomError {
    return overBudget(code, this.limit, 'memory')
  }
}
