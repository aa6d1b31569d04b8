import { readdirSync, readFileSync } from 'node:fs'

/** The share of a time, from 0 to 1, in which a process was ready to run and its core was given to another one. */
export interface Waited {
  readonly server: number
  readonly generator: number
}

/** Nanoseconds that a thread has run, and has waited for a core (Linux, scheduler/sched-stats.rst). */
function schedule(pid: number, thread: string): { ran: number; waited: number } {
  const [ran = 0, waited = 0] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ').map(Number)
  return { ran, waited }
}

function threads(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`)
}

function ranInAll(pid: number, which: readonly string[]): number {
  return which.reduce((sum, thread) => sum + schedule(pid, thread).ran, 0)
}

/**
 * For how long the main thread has waited while another process ran, in ns. Node's collector and compiler are threads on
 * the same core: while they run the main thread waits too, but for its own sake. So it does for a `neighbour` that is
 * measured with it. Undefined when a process is gone.
 */
function waitedForOthers(pid: number, neighbour?: number): number | undefined {
  try {
    const helpers = threads(pid).filter((thread) => thread !== `${pid}`)
    const ownWork = ranInAll(pid, helpers) + (neighbour === undefined ? 0 : ranInAll(neighbour, threads(neighbour)))
    return schedule(pid, `${pid}`).waited - ownWork
  } catch {
    return undefined
  }
}

/**
 * Starts to watch how both processes wait, the generator for others than its `neighbour`; call what it returns for the shares
 * since then, 0 for what is unknown.
 */
export function watchWaiting(serverPid: number, generatorPid: number, neighbour?: number): () => Waited {
  const watch = (pid: number, beside?: number) => {
    const start = waitedForOthers(pid, beside)
    return (elapsed: number) => Math.max(0, (waitedForOthers(pid, beside) ?? 0) - (start ?? 0)) / elapsed
  }
  const startedAt = process.hrtime.bigint()
  const [server, generator] = [watch(serverPid), watch(generatorPid, neighbour)]
  return () => {
    const elapsed = Number(process.hrtime.bigint() - startedAt)
    return { server: server(elapsed), generator: generator(elapsed) }
  }
}
