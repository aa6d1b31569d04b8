import type { Cancel, Clock } from '../../room/ports.ts'
import type { RedisDriver } from './driver.ts'
import { READ_INGEST, RELEASE_INGEST } from './scripts.ts'

export interface ReaderOptions {
  readonly clock: Pick<Clock, 'now' | 'after'>
  readonly prefix: string
  readonly node: string
  /**
   * A message has come on the channel that ends with `name`. Where `lease` is there, it says whether this node alone hears by
   * now: until it resolves, another may have heard the same. It never rejects.
   */
  readonly hear: (name: string, text: string, lease: Promise<boolean> | undefined) => void
}

/** Milliseconds for which one node is the reader, and between two times that it says so. */
const LEASE = 6000
const RENEW = 2000

/** Hears what is published from outside: of all nodes one at a time, so that each message is taken once. */
export class Reader {
  readonly #driver: RedisDriver
  readonly #options: ReaderOptions
  readonly #channels: string
  readonly #keys: readonly string[]
  #isReader = false
  #leaseUntil = 0
  #renewal: Promise<void> | undefined
  /** The renewal that messages wait for which have come after the lease was over, and all that come after those. */
  #late: Promise<boolean> | undefined
  /** The last message to itself has come. */
  #isHearing = true
  #cancel: Cancel | undefined
  #isClosed = false

  constructor(driver: RedisDriver, options: ReaderOptions) {
    this.#driver = driver
    this.#options = options
    this.#channels = `${options.prefix}ingest:`
    this.#keys = [`${options.prefix}{ingest}:reader`]
    this.#tick()
  }

  /** Resolves when nothing comes any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancel?.()
    await this.#renewal
    if (this.#isReader) await this.#driver.stopOverhearing(`${this.#channels}*`, this.#hear).catch(() => {})
  }

  /** Another node may hear at once. */
  async release(): Promise<void> {
    await this.#driver.run(RELEASE_INGEST, this.#keys, [this.#options.node]).catch(() => {
      // Out of reach: the lease runs out by itself.
    })
  }

  #tick(): void {
    void this.#renew().then(() => {
      if (!this.#isClosed) this.#cancel = this.#options.clock.after(RENEW, () => this.#tick())
    })
  }

  /** Never rejects. */
  #renew(): Promise<void> {
    this.#renewal ??= this.#renewOnce()
      .catch(() => {
        // Out of reach: the lease runs out by itself.
      })
      .finally(() => {
        this.#renewal = undefined
      })
    return this.#renewal
  }

  async #renewOnce(): Promise<void> {
    const { clock, node } = this.#options
    const asked = clock.now()
    const wasReader = this.#isReader
    const isReader = (await this.#driver.run(READ_INGEST, this.#keys, [node, String(LEASE)])) === 1
    if (isReader) this.#leaseUntil = asked + LEASE
    const pattern = `${this.#channels}*`
    // A client that connects anew may lose a subscription without a word: what is said to oneself shows it.
    if (wasReader && !(isReader && this.#isHearing)) {
      await this.#driver.stopOverhearing(pattern, this.#hear)
      this.#isReader = false
    }
    if (!isReader) return
    if (!this.#isReader) await this.#driver.overhear(pattern, this.#hear)
    this.#isReader = true
    this.#isHearing = false
    await this.#driver.announce(`${this.#channels}${node}`, '')
  }

  readonly #hear = (text: string, channel: string): void => {
    const name = channel.slice(this.#channels.length)
    if (name === this.#options.node) this.#isHearing = true
    else {
      if (!this.#hasLease()) this.#late ??= this.#renewLate()
      this.#options.hear(name, text, this.#late)
    }
  }

  async #renewLate(): Promise<boolean> {
    await this.#renew()
    // One that was under way was asked for before this node hung.
    if (!this.#hasLease()) await this.#renew()
    this.#late = undefined
    return this.#hasLease()
  }

  #hasLease(): boolean {
    return this.#options.clock.now() < this.#leaseUntil
  }
}
