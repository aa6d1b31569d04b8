import type { Cancel } from '../room/ports.ts'

interface Waiting {
  readonly at: number
  readonly task: () => void
}

/** Tasks that wait for the same number of milliseconds, the oldest first. */
interface Queue {
  readonly tasks: Set<Waiting>
  timer: ReturnType<typeof setTimeout>
}

/**
 * Tasks at their time, with one timer for all that wait as long as each other: each connection has a deadline, and next to none
 * is ever reached.
 */
export class Deadlines {
  readonly #queues = new Map<number, Queue>()

  /** Runs `task` in `ms` milliseconds, unless it is cancelled before. */
  after(ms: number, task: () => void): Cancel {
    const queue = this.#queues.get(ms) ?? this.#open(ms)
    const { tasks } = queue
    const waiting = { at: performance.now() + ms, task }
    // A timer that nothing waits for does not keep the process alive.
    if (tasks.size === 0) queue.timer.ref()
    tasks.add(waiting)
    return () => {
      if (tasks.delete(waiting) && tasks.size === 0) queue.timer.unref()
    }
  }

  #open(ms: number): Queue {
    const queue = { tasks: new Set<Waiting>(), timer: setTimeout(() => this.#run(ms, queue), ms) }
    this.#queues.set(ms, queue)
    return queue
  }

  #run(ms: number, queue: Queue): void {
    const now = performance.now()
    for (const waiting of queue.tasks) {
      if (waiting.at > now) {
        queue.timer = setTimeout(() => this.#run(ms, queue), Math.ceil(waiting.at - now))
        return
      }
      queue.tasks.delete(waiting)
      waiting.task()
    }
    this.#queues.delete(ms)
  }
}
