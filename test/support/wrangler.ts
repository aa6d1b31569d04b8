import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROOT } from './child.ts'
import { temporaryFolder } from './folder.ts'
import { freePort } from './server.ts'

export interface WranglerDev {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  /** Of wrangler and, by its group, of all that it starts. */
  readonly pid: number
  stop(): Promise<void>
  /** Ends all of it at once, as a crash does. */
  kill(): Promise<void>
}

const START_MS = 40_000

/**
 * The Worker under a local `wrangler dev`, with no account and no network. `at`: a port, or a free one. `kept`: a folder whose
 * storage outlives it; without one, its storage ends with it.
 */
export async function startWranglerDev(
  variables: Record<string, string> = {},
  at?: number,
  kept?: string,
): Promise<WranglerDev> {
  const folder = kept === undefined ? temporaryFolder() : { path: kept, remove: () => {} }
  const port = at ?? (await freePort())
  const flags = [
    '--local',
    '--ip=127.0.0.1',
    `--port=${port}`,
    '--inspector-port=0',
    `--persist-to=${folder.path}/state`,
  ]
  const given = Object.entries(variables).map(([name, value]) => `--var=${name}:${value}`)
  const wrangler = spawn(
    process.execPath,
    [
      join(ROOT, 'node_modules/wrangler/bin/wrangler.js'),
      'dev',
      ...flags,
      '--show-interactive-dev-session=false',
      ...given,
    ],
    {
      cwd: ROOT,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        XDG_CONFIG_HOME: folder.path,
        CI: '1',
        WRANGLER_SEND_METRICS: 'false',
        WRANGLER_SEND_ERROR_REPORTS: 'false',
        WRANGLER_HIDE_BANNER: 'true',
        CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that workerd ends with it.
      detached: true,
    },
  )
  let output = ''
  for (const stream of [wrangler.stdout, wrangler.stderr]) stream.on('data', (data) => (output += data))
  const stop = () => end(wrangler).finally(folder.remove)
  const url = `http://127.0.0.1:${port}`
  try {
    await untilReady(url, wrangler, () => output)
  } catch (error) {
    await stop()
    throw error
  }
  const kill = () => end(wrangler, 'SIGKILL').finally(folder.remove)
  return { url, pid: wrangler.pid!, stop, kill }
}

async function untilReady(url: string, wrangler: ChildProcess, output: () => string): Promise<void> {
  const end = Date.now() + START_MS
  while (Date.now() < end && wrangler.exitCode === null) {
    const answer = await fetch(`${url}/health`).catch(() => undefined)
    if (answer?.ok) return
    await sleep(100)
  }
  throw new Error(`wrangler dev did not start: ${output()}`)
}

/** Ends it, and waits for its children: they hold the port, and the folder, a moment longer than wrangler lives. */
async function end({ pid }: ChildProcess, name: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
  for (let tries = 0; signal(pid!, tries < 50 ? name : 'SIGKILL'); tries++) {
    // One that is told twice would end without ending its children.
    do await sleep(100)
    while (tries++ < 49 && signal(pid!, 0))
  }
}

/** False when nobody of the group is left. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, name)
  } catch {
    return false
  }
}
