import type { Appended, Draft } from '../../room/ports.ts'

/** A draft that waits for its place. */
export interface Append {
  readonly draft: Draft
  readonly resolve: (appended: Appended) => void
  readonly reject: (error: unknown) => void
}

type Step = Append | (() => Promise<void>)

interface Lane {
  readonly steps: Step[]
  /** Bytes of the drafts that wait. */
  bytes: number
  /** Settles when nothing waits any more. */
  done: Promise<void>
}

export interface LanesOptions {
  /** Drafts, and bytes of them, that may wait in a lane; what is over is refused with what `full` makes. */
  readonly waiting: { readonly drafts: number; readonly bytes: number }
  readonly full: () => Error
  /** Puts the first step off until this turn of the event loop is over: what is asked for until then goes together. */
  readonly soon: (begin: () => void) => void
  /**
   * Settles all of `appends`, and never rejects. Resolves with an error where some had to be refused that may be said again:
   * with that the drafts are refused that wait, so that they do not overtake those.
   */
  readonly append: (uuid: string, appends: readonly Append[]) => Promise<Error | undefined>
}

/** Drafts, and bytes of them, that go in one call: few enough not to hold up the server's other clients. */
const CALL = { drafts: 64, bytes: 256 * 1024 }

/**
 * What is asked of each room, one step at a time and in the order it was asked, whatever a connection or a redirection does
 * to the single calls. Drafts that wait one behind the other go together.
 */
export class Lanes {
  readonly #options: LanesOptions
  readonly #lanes = new Map<string, Lane>()

  constructor(options: LanesOptions) {
    this.#options = options
  }

  append(uuid: string, draft: Draft): Promise<Appended> {
    const { waiting, full } = this.#options
    const lane = this.#laneOf(uuid)
    if (lane.steps.length >= waiting.drafts || lane.bytes > waiting.bytes) return Promise.reject(full())
    lane.bytes += draft.bytes
    return new Promise((resolve, reject) => lane.steps.push({ draft, resolve, reject }))
  }

  call<T>(uuid: string, call: () => Promise<T>): Promise<T> {
    const lane = this.#laneOf(uuid)
    return new Promise((resolve, reject) => lane.steps.push(() => call().then(resolve, reject)))
  }

  /** Resolves when all that was asked for until now is settled. */
  async idle(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map(({ done }) => done))
  }

  #laneOf(uuid: string): Lane {
    let lane = this.#lanes.get(uuid)
    if (lane === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const begun: Lane = { steps: [], bytes: 0, done: promise }
      lane = begun
      this.#lanes.set(uuid, begun)
      this.#options.soon(() => void this.#run(uuid, begun).then(resolve))
    }
    return lane
  }

  async #run(uuid: string, lane: Lane): Promise<void> {
    while (lane.steps.length > 0) {
      const appends = takeAppends(lane)
      if (appends.length > 0) {
        const refusal = await this.#options.append(uuid, appends)
        if (refusal !== undefined) refuseAppends(lane, refusal)
      } else await (lane.steps.shift() as () => Promise<void>)()
    }
    this.#lanes.delete(uuid)
  }
}

function refuseAppends(lane: Lane, refusal: Error): void {
  const calls = lane.steps.filter((step) => typeof step === 'function')
  for (const step of lane.steps.splice(0, lane.steps.length, ...calls)) {
    if (typeof step !== 'function') step.reject(refusal)
  }
  lane.bytes = 0
}

/** Takes the drafts that stand in front, as many as go in one call. */
function takeAppends(lane: Lane): Append[] {
  let bytes = 0
  let count = 0
  for (const step of lane.steps) {
    if (typeof step === 'function' || count === CALL.drafts || bytes > CALL.bytes) break
    bytes += step.draft.bytes
    count++
  }
  lane.bytes -= bytes
  return lane.steps.splice(0, count) as Append[]
}
