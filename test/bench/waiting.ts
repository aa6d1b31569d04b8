import { readFileSync } from 'node:fs'

/** The share of a time, from 0 to 1, in which a process was ready to run and its core was given to another one. */
export interface Waited {
  readonly server: number
  readonly generator: number
}

/** For how long the main thread has waited for its core so far, in ns (Linux, scheduler/sched-stats.rst); 0 unknown. */
function waitedNs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1])
  } catch {
    return 0
  }
}

/** Starts to watch how both processes wait; call what it returns for the shares since then. */
export function watchWaiting(serverPid: number, generatorPid: number): () => Waited {
  const start = { at: process.hrtime.bigint(), server: waitedNs(serverPid), generator: waitedNs(generatorPid) }
  return () => {
    const elapsed = Number(process.hrtime.bigint() - start.at)
    const share = (since: number, now: number) => Math.max(0, now - since) / elapsed
    return {
      server: share(start.server, waitedNs(serverPid)),
      generator: share(start.generator, waitedNs(generatorPid)),
    }
  }
}
