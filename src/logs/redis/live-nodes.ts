import type { Clock } from '../../room/ports.ts'
import type { RedisDriver } from './driver.ts'
import { ROLL_CALL, SIGN_OFF } from './scripts.ts'

/** Milliseconds for which a node is taken to be alive after it was last heard. */
const LEASE = 10_000

/** Milliseconds between two times that Redis is asked, however many names come up that are not known. */
const PAUSE = 200

/** The nodes that are alive, as those have said in Redis, and as this one has last read there. */
export class LiveNodes {
  readonly #driver: RedisDriver
  readonly #clock: Pick<Clock, 'now' | 'after'>
  readonly #keys: readonly string[]
  readonly #node: string
  #names: ReadonlySet<string> = new Set()
  #readAt = Number.NEGATIVE_INFINITY
  #reading: Promise<void> | undefined

  constructor(driver: RedisDriver, clock: Pick<Clock, 'now' | 'after'>, prefix: string, node: string) {
    this.#driver = driver
    this.#clock = clock
    this.#keys = [`${prefix}{nodes}:alive`]
    this.#node = node
  }

  /** True: it was alive when Redis was last asked. */
  has(node: string): boolean {
    return this.#names.has(node)
  }

  /** Asks Redis about a node that may have come since. Rejects when that is out of reach. */
  async find(node: string): Promise<boolean> {
    await this.#readSoon()
    return this.#names.has(node)
  }

  /** Says that this node is alive. Rejects when Redis is out of reach. */
  async beat(): Promise<void> {
    const names = (await this.#driver.run(ROLL_CALL, this.#keys, [this.#node, String(LEASE)])) as string[]
    this.#names = new Set(names)
    this.#readAt = this.#clock.now()
  }

  /** This node is not alive any more. */
  async leave(): Promise<void> {
    await this.#driver.run(SIGN_OFF, this.#keys, [this.#node]).catch(() => {
      // Out of reach: the lease runs out by itself.
    })
  }

  #readSoon(): Promise<void> {
    this.#reading ??= this.#readInTime().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #readInTime(): Promise<void> {
    const pause = this.#readAt + PAUSE - this.#clock.now()
    if (pause > 0) await new Promise<void>((resolve) => this.#clock.after(pause, resolve))
    await this.beat()
  }
}
