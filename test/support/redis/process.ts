import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

const running = new Set<RedisProcess>()

// Where no hook of a test runs any more, as when a module could not be loaded.
process.once('exit', () => {
  for (const { pid } of running) process.kill(pid, 'SIGKILL')
})

/** One life of a `redis-server`, from its start to its end. */
export class RedisProcess {
  /** Resolves when it has ended. */
  readonly exit: Promise<unknown>
  /** All that it has written. */
  output = ''
  readonly #child: ChildProcess

  private constructor(args: readonly string[], cwd: string) {
    this.#child = spawn('redis-server', args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (data) => {
        this.output += data
      })
    }
    running.add(this)
    this.exit = once(this.#child, 'close').finally(() => running.delete(this))
  }

  /** Resolves when it has loaded what it keeps and listens. Rejects when it ends before, with what it has said. */
  static async start(args: readonly string[], cwd: string): Promise<RedisProcess> {
    const started = new RedisProcess(args, cwd)
    while (!started.output.includes('Ready to accept connections')) {
      if (!started.isRunning) {
        await started.exit
        throw new Error(`redis-server ended: ${started.output}`)
      }
      await Promise.race([once(started.#child.stdout!, 'data'), started.exit])
    }
    return started
  }

  get pid(): number {
    return this.#child.pid!
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Does nothing when it has ended. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Resolves when it has ended by this signal, or had ended before. */
  async end(name: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.signal(name)
    await this.exit
  }
}
