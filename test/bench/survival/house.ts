import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, type Core, start, stop } from '../children.ts'
import { cores } from '../cores.ts'
import { cpuSeconds } from '../cpu.ts'
import { freePort, untilAccepting } from '../ports.ts'
import { roomcast, unbounded } from '../servers.ts'

/** A roomcast that can be killed and started again at its port, over its folder. */
export interface RunningHouse {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Seconds of processor time since it was started last. */
  cpu(): number
  /** Resident memory in MiB. */
  memory(): number
  kill(): Promise<void>
  restart(): Promise<void>
  end(): Promise<void>
}

/** With a core of its own, unless it may be on any of them. */
export async function startHouse(
  env: Readonly<Record<string, string>>,
  core: Core = cores.server,
): Promise<RunningHouse> {
  const folder = mkdtempSync(join(tmpdir(), 'roomcast-bench-'))
  const port = await freePort()
  let server: Child

  async function launch(): Promise<void> {
    server = await start({
      command: [process.execPath, ...roomcast.flags, roomcast.program],
      core,
      env: { HOST: '127.0.0.1', PORT: String(port), DATA_DIR: folder, ...unbounded, ...env },
    })
    await untilAccepting(server, port)
  }

  await launch()
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    get pid() {
      return server.pid
    },
    cpu: () => cpuSeconds(server.pid),
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
