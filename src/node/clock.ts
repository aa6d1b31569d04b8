import type { Clock } from '../room/ports.ts'
import { Deadlines } from './deadlines.ts'

type Task = () => void

/**
 * What is put off until the event loop has had its turn, in two goes: first what makes news (the log's commit), then what
 * spreads it (the writer), so that what has come in a turn is in the same turn's writes.
 */
const making: Task[] = []
const spreading: Task[] = []
let isScheduled = false
/** Something of this turn goes out first: it would wait for as long as a slice of the writer takes. */
let givesWay = false

function putOff(tasks: Task[], task: Task): void {
  tasks.push(task)
  if (isScheduled) return
  isScheduled = true
  setImmediate(run)
}

function run(): void {
  isScheduled = false
  for (const task of making.splice(0)) task()
  if (givesWay) {
    givesWay = false
    isScheduled = true
    setImmediate(run)
    return
  }
  for (const task of spreading.splice(0)) task()
}

export interface SystemClock extends Clock {
  /** As `soon`, and before all that is put off by that. */
  sooner(task: Task): void
  /**
   * Runs `task` when all that has come in at this moment is done, and holds what is put off by `soon` back by a turn: what
   * `task` sends is on its way before that.
   */
  ahead(task: Task): void
}

const deadlines = new Deadlines()

export const systemClock: SystemClock = {
  // Never set back or forward while it runs: a wall clock is, by NTP and by hand, and would end rooms or keep them.
  now: () => Math.floor(performance.timeOrigin + performance.now()),
  after: (ms, task) => deadlines.after(ms, task),
  soon: (task) => putOff(spreading, task),
  sooner: (task) => putOff(making, task),
  ahead(task) {
    givesWay = true
    queueMicrotask(task)
  },
}
