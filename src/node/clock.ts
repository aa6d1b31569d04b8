import type { Clock } from '../room/ports.ts'

type Task = () => void

/**
 * What is put off until the event loop has had its turn, in two goes: first what makes news (the log's commit), then what
 * spreads it (the writer), so that what has come in a turn is in the same turn's writes.
 */
const making: Task[] = []
const spreading: Task[] = []
let isScheduled = false

function putOff(tasks: Task[], task: Task): void {
  tasks.push(task)
  if (isScheduled) return
  isScheduled = true
  setImmediate(run)
}

function run(): void {
  isScheduled = false
  for (const task of making.splice(0)) task()
  for (const task of spreading.splice(0)) task()
}

export interface SystemClock extends Clock {
  /** As `soon`, and before all that is put off by that. */
  sooner(task: Task): void
}

export const systemClock: SystemClock = {
  now: () => Date.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms)
    return () => clearTimeout(timer)
  },
  soon: (task) => putOff(spreading, task),
  sooner: (task) => putOff(making, task),
}
