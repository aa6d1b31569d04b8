import { setTimeout as sleep } from 'node:timers/promises'
import { start } from './children.ts'
import { cores } from './cores.ts'
import { type LoadEntry, payloadSize } from './loads.ts'
import type { ServerEntry } from './servers.ts'
import { type Waited, watchWaiting } from './waiting.ts'

/** What the load generator reports, as it names it. */
export interface Figures {
  readonly listeners: number
  readonly sent: number
  readonly expected: number
  readonly delivered: number
  readonly lost: number
  readonly gaps: number
  readonly reordered: number
  readonly dead: number
  readonly seconds: number
  readonly deliveries_per_s: number
  readonly cpu_s: number
  readonly cpu_us_per_delivery: number
  readonly bytes_in: number
  /** How many broadcasts a listener took at a time: the more, the fewer writes each delivery cost. */
  readonly deliveries_per_read: number
  readonly p50_ms: number
  readonly p99_ms: number
  readonly max_ms: number
  readonly joins_per_s: number
  readonly join_cpu_us: number
  readonly replayed: number
  readonly rss0_mb: number
  readonly rss_mb: number
  readonly kb_per_conn: number
  readonly rss_end_mb: number
}

export interface Generation {
  readonly program: string
  readonly entry: Pick<ServerEntry, 'mode' | 'path' | 'can' | 'listenerPath'>
  readonly load: Omit<LoadEntry, 'name' | 'title' | 'servers' | 'eventLoop'>
  readonly port: number
  /** The listeners' own, in turns, where it is not the owner's. */
  readonly listenerPorts?: readonly number[]
  /** The first is the one that is watched for waiting; the CPU time is that of all. */
  readonly serverPids: readonly [number, ...number[]]
  /** Works for the server, on the generator's core. */
  readonly besidePid?: number
  /** Called when all have joined and broadcasting begins, and again when all is delivered or given up. */
  readonly onPhase: () => void
}

export interface Generated {
  readonly figures: Figures
  /** The server was behind when the time was up: the figures are of what was seen until then. */
  readonly cut: boolean
  /** In the phase that the load is about. */
  readonly waited: Waited
}

const joinMs = 30_000
/** Sorting some ten million latencies is part of the report. */
const reportMs = 15_000

function args({ entry, load, port, listenerPorts = [], serverPids }: Generation): string[] {
  const { traffic } = load
  const rate = 'window' in traffic ? { window: traffic.window } : { rate: traffic.rate, burst: traffic.burst }
  const named = {
    port,
    path: entry.path,
    mode: entry.mode,
    ...rate,
    seconds: load.seconds,
    size: payloadSize,
    inflight: load.joinsInFlight,
    state: load.state ?? 0,
    ...(load.missed !== undefined && { missed: load.missed }),
    pid: serverPids,
    'listener-port': listenerPorts,
    ...(entry.can && { can: entry.can }),
    ...(entry.listenerPath && { 'listener-path': entry.listenerPath }),
  }
  const flags = Object.entries(named).flatMap(([name, value]) =>
    [value].flat().flatMap((one) => [`--${name}`, `${one}`]),
  )
  return ['-n', `${load.listeners}`, ...flags]
}

/**
 * Puts one load on a server. Each phase has its bound: a generator that is over it is told to report what it has seen
 * (then `cut` is true), and is killed where it does not. Throws with the generator's own words when there is no report.
 */
export async function generate(generation: Generation): Promise<Generated> {
  const { program, load, serverPids, besidePid, onPhase } = generation
  const broadcasting = Promise.withResolvers<void>()
  const drained = Promise.withResolvers<void>()
  const phases: Record<string, () => void> = { broadcasting: broadcasting.resolve, drained: drained.resolve }
  const child = await start({
    command: [program, ...args(generation)],
    core: cores.generator,
    onErrorLine: (line) => {
      if (Object.hasOwn(phases, line)) phases[line]?.()
    },
  })
  const ended = new AbortController()
  child.exit.then(() => ended.abort())
  /** Whether the phase was over before its bound, or the generator ended. */
  const within = (phase: Promise<void>, milliseconds: number): Promise<boolean> =>
    Promise.race([phase.then(() => true), sleep(milliseconds, false, { signal: ended.signal }).catch(() => true)])

  const watchedJoining = watchWaiting(serverPids[0], child.pid, besidePid)
  const joined = await within(broadcasting.promise, joinMs)
  const waitedJoining = watchedJoining()
  onPhase()

  const watchedBroadcasting = watchWaiting(serverPids[0], child.pid, besidePid)
  const inTime = joined && (await within(drained.promise, (load.seconds + load.drainSeconds) * 1000))
  const waited = load.about === 'joins' ? waitedJoining : watchedBroadcasting()
  onPhase()

  if (!inTime) child.kill('SIGTERM')
  if (!(await within(new Promise(() => {}), reportMs))) child.kill('SIGKILL')
  const exit = await child.exit
  const complaint = child
    .complaint()
    .split('\n')
    .filter((line) => !Object.hasOwn(phases, line))
  if (exit !== 0) throw new Error(`the load generator ended (${exit}): ${complaint.join(' ')}`)
  return { figures: JSON.parse(child.stdout()) as Figures, cut: !inTime, waited }
}
