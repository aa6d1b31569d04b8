import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export const ROOT = join(import.meta.dirname, '../..')

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A program of the project, run as its users run it: what it starts, `kill` ends with it. */
export class Child {
  readonly process: ChildProcess
  /** Resolves when it, and whatever it started that writes where it writes, has ended. */
  readonly exit: Promise<Exit>
  /** All that it has written. */
  output = ''

  constructor(command: string, args: readonly string[], env: Record<string, string> = {}) {
    this.process = spawn(command, args, {
      cwd: ROOT,
      // No more than it needs: a PORT of whoever runs the tests is not one of the test's.
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        HOST: '127.0.0.1',
        PORT: '0',
        ...(env.REDIS_URL === undefined && { LOG: 'memory' }),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // A group of processes of its own.
      detached: true,
    })
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on('data', (data) => {
        this.output += data
      })
    }
    this.exit = once(this.process, 'close').then(([code, signal]) => ({ code, signal }))
  }

  get isRunning(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null
  }

  /** Its address, when it listens. Rejects when it ends before. */
  async url(): Promise<string> {
    for (;;) {
      const address = /^roomcast (http:\S+)\/$/m.exec(this.output)?.[1]
      if (address !== undefined) return address
      if (!this.isRunning) throw new Error(`it ended: ${this.output}`)
      await Promise.race([once(this.process.stdout!, 'data'), this.exit])
    }
  }

  /** Bytes in use, after a collection. Only of a child that `startChildServer` has started. */
  async memory(): Promise<number> {
    const answer = once(this.process, 'message')
    this.process.send('memory')
    return (await answer)[0]
  }

  async kill(): Promise<void> {
    try {
      process.kill(-this.process.pid!, 'SIGKILL')
    } catch {
      // Nobody of the group is left.
    }
    await this.exit
  }
}

/** The server as a process of its own: for what would end or weigh on the process that it runs in. */
export async function startChildServer(
  env: Record<string, string> = {},
  probeName: 'memory-probe' | 'fault-probe' = 'memory-probe',
): Promise<Child & { readonly address: string }> {
  const probe = join(import.meta.dirname, `${probeName}.ts`)
  const child = new Child(process.execPath, ['--expose-gc', '--import', probe, 'src/node/start.mjs'], env)
  return Object.assign(child, { address: await child.url() })
}
