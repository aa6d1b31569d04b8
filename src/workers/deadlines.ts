import type { Cancel } from '../room/ports.ts'

/** What is used of a Durable Object's storage. */
export interface AlarmClock {
  getAlarm(): Promise<number | null>
  setAlarm(time: number): Promise<void>
}

/** Milliseconds between two alarms at the least: one that fails is not to follow upon itself. */
const PAUSE = 100

/**
 * Deadlines kept by the one alarm that an object has, which goes off even when the object sleeps. An alarm that turns out
 * to be too early costs less than taking one back for each socket that comes in: it is only ever moved forward.
 */
export class Deadlines {
  readonly #clock: AlarmClock
  readonly #pending = new Set<{ readonly at: number; readonly task: () => void }>()
  /** When the alarm goes off, milliseconds since 1970. */
  #alarm = Number.POSITIVE_INFINITY

  constructor(clock: AlarmClock) {
    this.#clock = clock
  }

  /** Finds the alarm that was set before the object slept. To be called before all else. */
  async load(): Promise<void> {
    this.#alarm = (await this.#clock.getAlarm()) ?? Number.POSITIVE_INFINITY
  }

  /** Nothing is waited for, for as long as this object is awake. */
  get isIdle(): boolean {
    return this.#pending.size === 0
  }

  /** Runs `task` at the first alarm from `at` on, for as long as this object is awake. */
  add(at: number, task: () => void): Cancel {
    const deadline = { at, task }
    this.#pending.add(deadline)
    this.wakeBy(at)
    return () => void this.#pending.delete(deadline)
  }

  /** The alarm goes off at `time` at the latest. */
  wakeBy(time: number): void {
    if (time >= this.#alarm) return
    this.#alarm = time
    // A failure to write it resets the object, as any write's does.
    void this.#clock.setAlarm(time)
  }

  /** The alarm has gone off: runs what is due by `now`, and sets the next one. */
  ring(now: number): void {
    this.#alarm = Number.POSITIVE_INFINITY
    for (const deadline of this.#pending) {
      if (deadline.at > now) continue
      this.#pending.delete(deadline)
      deadline.task()
    }
    this.rearm(now)
  }

  /** The alarm is gone, but what it was set for is not. */
  rearm(now: number): void {
    this.#alarm = Number.POSITIVE_INFINITY
    const next = Math.min(...[...this.#pending].map(({ at }) => at))
    if (next !== Number.POSITIVE_INFINITY) this.wakeBy(Math.max(next, now + PAUSE))
  }
}
