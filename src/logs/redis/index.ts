import type { RedisDriver } from './driver.ts'
import { BEAT, DROP, ENLIST, PLACE, SWEEP } from './scripts.ts'

/** Rooms that are looked at in one sweep, and named in one call. */
const MANY = 1000

export interface Swept {
  /** Rooms whose owner's node is silent, and when it was last heard of. */
  readonly silent: readonly { readonly uuid: string; readonly at: number }[]
  /** Rooms whose owner has left before the time that was asked about. */
  readonly left: readonly string[]
  /** That time, by the clock that the log goes by. */
  readonly limit: number
}

/**
 * All rooms there are, by when their owner was last known to be here. It is in a slot of its own, so that a room and its place
 * here are not changed in one step: the room's own word is the truth, and who finds them to differ mends the index.
 */
export class RoomIndex {
  readonly #driver: RedisDriver
  readonly #keys: readonly string[]
  readonly #node: string
  readonly #lease: string
  readonly #expiry: string

  /** In milliseconds `lease`, for which a node may be silent, and `expiry`, after which all is forgotten if none looks after it. */
  constructor(driver: RedisDriver, prefix: string, node: string, lease: number, expiry: number) {
    this.#driver = driver
    this.#node = node
    this.#keys = ['here', 'gone', 'watch', 'nodes'].map((name) => `${prefix}{index}:${name}`)
    this.#lease = String(lease)
    this.#expiry = String(expiry)
  }

  /** False: there are `most` rooms. */
  async enlist(uuid: string, most: number): Promise<boolean> {
    return (await this.#run(ENLIST, String(most), this.#expiry, uuid, this.#node)) === 1
  }

  /** Its owner is on `node`. */
  async placeHere(uuid: string, node: string): Promise<void> {
    await this.#run(PLACE, uuid, this.#expiry, '', node)
  }

  /** Its owner has been gone since `at`; by this node's clock, where that says `now`, else by the log's. */
  async placeGone(uuid: string, at: number, now?: number): Promise<void> {
    await this.#run(PLACE, uuid, this.#expiry, String(at), ...(now === undefined ? [] : [String(now)]))
  }

  async drop(uuid: string): Promise<void> {
    await this.#run(DROP, uuid)
  }

  /** The owners of these rooms are on this node, still. Returns those that are thought to be elsewhere, or gone. */
  async beat(uuids: readonly string[]): Promise<string[]> {
    const missing: string[] = []
    for (let i = 0; i < uuids.length; i += MANY) {
      missing.push(...((await this.#run(BEAT, this.#expiry, this.#node, ...uuids.slice(i, i + MANY))) as string[]))
    }
    return missing
  }

  /** `time` by this node's clock, which says `now`. */
  async sweep(time: number, now: number): Promise<Swept> {
    const reply = await this.#run(SWEEP, String(time), String(now), this.#lease, this.#expiry, String(MANY))
    const [silent, left, limit] = reply as [string[], string[], number]
    return {
      silent: Array.from({ length: silent.length / 2 }, (_, i) => ({
        uuid: silent[2 * i]!,
        at: Number(silent[2 * i + 1]),
      })),
      left,
      limit,
    }
  }

  #run(script: string, ...args: string[]): Promise<unknown> {
    return this.#driver.run(script, this.#keys, args)
  }
}
