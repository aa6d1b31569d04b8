/** What the log asks of a Redis client: one server, or a cluster. Each method rejects when the server cannot be reached. */
export interface RedisDriver {
  /**
   * Runs a Lua script, which sees `keys` (all of one slot) and `args`. Whoever waits for one call before making the next
   * has them run in that order. A rejection leaves open whether it ran.
   */
  run(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>
  /** Runs a script that only reads, and may have much to say. In no order with the others. */
  read(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>
  /** Hears what is published on a sharded channel, from when this resolves until it is unsubscribed; a rejection leaves open whether. */
  subscribe(channel: string, hear: Hear): Promise<void>
  /** Where it rejects, it is done when there is a connection again. */
  unsubscribe(channel: string, hear: Hear): Promise<void>
  /** To a sharded channel; resolves with how many hear it. */
  publish(channel: string, message: string): Promise<number>
  /** To an ordinary channel, as any client of Redis can hear it. */
  announce(channel: string, message: string): Promise<void>
  /** Hears what is published by ordinary `PUBLISH` on all channels that `pattern` matches. */
  overhear(pattern: string, hear: Hear): Promise<void>
  stopOverhearing(pattern: string, hear: Hear): Promise<void>
  /** Set by the log: a connection was lost or made, so that messages may have been missed. */
  onDisturbance: (() => void) | undefined
  close(): Promise<void>
}

export type Hear = (message: string, channel: string) => void
