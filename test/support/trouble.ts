import { RoomError } from '../../src/room/errors.ts'
import type { RoomLog } from '../../src/room/ports.ts'
import type { Random } from './random.ts'

/** The calls of a log that change a room. */
const WRITES: ReadonlySet<string> = new Set(['append', 'takeOver', 'offerHandover', 'ownerLeft', 'end'])

type Kind = 'failed' | 'lost'

/** What stands between the processes and their log, for some calls: writes that fail, and answers that are lost. */
export class Trouble {
  #kind: Kind = 'failed'
  #left = 0

  /** The next few writes fail, or are done and not answered. */
  begin(random: Random): void {
    this.fail(random.pick(['failed', 'lost']), 1 + random.below(6))
  }

  fail(kind: Kind, writes: number): void {
    this.#kind = kind
    this.#left = writes
  }

  end(): void {
    this.#left = 0
  }

  /** `log`, with the trouble in front of it. */
  watch(log: RoomLog): RoomLog {
    return new Proxy(log, {
      get: (_, name) => {
        const own = log[name as keyof RoomLog] as ((...args: unknown[]) => unknown) | undefined
        const method = own?.bind(log)
        if (method === undefined) return undefined
        return WRITES.has(String(name)) ? (...args: unknown[]) => this.#write(() => method(...args)) : method
      },
    })
  }

  async #write(write: () => unknown): Promise<unknown> {
    if (this.#left === 0) return write()
    this.#left--
    if (this.#kind === 'lost') await write()
    throw new RoomError('log_unavailable', 'the log is in trouble', { retryAfter: 1000 })
  }
}
