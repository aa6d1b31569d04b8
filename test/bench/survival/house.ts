import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, start, stop } from '../children.ts'
import { freePort, untilAccepting } from '../ports.ts'

/** A roomcast that can be killed and started again at its port, over its folder. */
export interface RunningHouse {
  readonly url: string
  /** Seconds of processor time since it was started last. */
  cpu(): number
  /** Resident memory in MiB. */
  memory(): number
  kill(): Promise<void>
  restart(): Promise<void>
  end(): Promise<void>
}

/** Clock ticks a second in /proc/<pid>/stat: USER_HZ, which is 100 on every Linux that Node runs on. */
const TICKS = 100

export async function startHouse(env: Record<string, string>): Promise<RunningHouse> {
  const folder = mkdtempSync(join(tmpdir(), 'roomcast-bench-'))
  const port = await freePort()
  let server: Child

  async function launch(): Promise<void> {
    server = await start({
      command: [process.execPath, '--max-semi-space-size=4', 'src/node/start.mjs'],
      core: 0,
      env: { HOST: '127.0.0.1', PORT: String(port), DATA_DIR: folder, ...env },
    })
    await untilAccepting(server, port)
  }

  await launch()
  return {
    url: `http://127.0.0.1:${port}`,
    cpu() {
      const fields = readFileSync(`/proc/${server.pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ')
      return (Number(fields[11]) + Number(fields[12])) / TICKS
    },
    memory() {
      const pages = Number(readFileSync(`/proc/${server.pid}/statm`, 'utf8').split(' ')[1])
      return (pages * 4096) / 1024 / 1024
    },
    async kill() {
      server.kill('SIGKILL')
      await server.exit
    },
    restart: launch,
    async end() {
      await stop(server)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export async function until(holds: () => boolean, ms: number): Promise<void> {
  const end = Date.now() + ms
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${holds}`)
    await sleep(5)
  }
}
