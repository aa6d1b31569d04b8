import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { root } from './paths.ts'

/** A process that the bench has started. */
export interface Child {
  readonly pid: number
  readonly stdout: () => string
  /** The last of what it said on stderr: the reason, when it fails. */
  readonly complaint: () => string
  /** When it has ended: its exit code, or the signal that ended it. */
  readonly exit: Promise<number | NodeJS.Signals>
  readonly kill: (signal: NodeJS.Signals) => void
}

/** Which core a process is pinned to, where that is possible. */
export type Core = number | 'any'

export interface Start {
  readonly command: readonly [string, ...string[]]
  readonly core: Core
  readonly env?: Readonly<Record<string, string>>
  readonly onErrorLine?: (line: string) => void
}

const termGraceMs = 3000
const running = new Set<Child>()
let closed = false

/** Whether processes can be pinned here: two cores, whichever this one is on, and a `taskset` that may use them. */
export const pinned: boolean =
  cpus().length > 1 && [0, 1].every((core) => spawnSync('taskset', ['-c', `${core}`, 'true']).status === 0)

/** Starts a process, pinned to its core where that is possible; throws when it cannot be started. */
export async function start({ command, core, env, onErrorLine }: Start): Promise<Child> {
  if (closed) throw new Error('the bench is ending')
  // taskset becomes the program, so the process id is the program's own.
  const [file, ...args] = pinned && core !== 'any' ? (['taskset', '-c', `${core}`, ...command] as const) : command
  const started = spawn(file, args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: [] as string[] }
  started.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout = (output.stdout + text).slice(-10_000)
  })
  createInterface({ input: started.stderr }).on('line', (line) => {
    output.stderr = [...output.stderr, line].slice(-20)
    onErrorLine?.(line)
  })
  const child: Child = {
    pid: started.pid ?? 0,
    stdout: () => output.stdout,
    complaint: () => output.stderr.join('\n'),
    exit: new Promise((resolve) => {
      started.once('close', (code, signal) => {
        running.delete(child)
        resolve(code ?? signal ?? 'SIGKILL')
      })
    }),
    kill: (signal) => started.kill(signal),
  }
  running.add(child)
  await once(started, 'spawn')
  return child
}

/** Ends a process and waits until it has ended: SIGTERM, and SIGKILL where that is not heeded. */
export async function stop(child: Child): Promise<void> {
  child.kill('SIGTERM')
  const grace = new AbortController()
  const killLater = sleep(termGraceMs, undefined, { signal: grace.signal }).then(
    () => child.kill('SIGKILL'),
    () => undefined,
  )
  await child.exit
  grace.abort()
  await killLater
}

/** Ends all processes that still run, and lets no other one start. */
export async function stopAll(): Promise<void> {
  closed = true
  await Promise.all([...running].map(stop))
}

// The last resort, for an error or a signal that left no time for stopAll: exit handlers cannot wait.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
