import { Child } from './child.ts'
import { temporaryFolder } from './folder.ts'
import { freePort } from './server.ts'

/** How a server comes to its end: told to stop, or killed. */
export type End = 'SIGTERM' | 'SIGKILL'

/** A server over one port, and one folder or Redis, that can be ended and started again. */
export class MortalServer {
  /** The same in all its lives. */
  readonly url: string
  readonly #env: Record<string, string>
  readonly #folder = temporaryFolder()
  #child!: Child

  private constructor(port: number, env: Record<string, string>) {
    this.url = `http://127.0.0.1:${port}`
    this.#env = {
      ...(env.REDIS_URL === undefined && { LOG: 'sqlite', DATA_DIR: this.#folder.path }),
      ...env,
      PORT: String(port),
    }
  }

  static async start(env: Record<string, string> = {}): Promise<MortalServer> {
    const server = new MortalServer(await freePort(), env)
    await server.start()
    return server
  }

  /** Its next life. Resolves when it listens. */
  async start(): Promise<void> {
    this.#child = new Child(process.execPath, ['src/node/start.mjs'], this.#env)
    await this.#child.url()
  }

  /** Resolves when it has ended. */
  async end(how: End): Promise<void> {
    this.signal(how)
    const { code, signal } = await this.#child.exit
    if (how === 'SIGTERM' && code !== 0) throw new Error(`it did not stop in order: ${code} ${signal}`)
  }

  signal(signal: End | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.process.kill(signal)
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    await this.#child.kill()
    this.#folder.remove()
  }
}
