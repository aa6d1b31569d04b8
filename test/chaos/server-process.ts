import { Child } from '../support/child.ts'
import { freePort } from '../support/server.ts'

/** A Node server on one port through all its lives. */
export class ServerProcess {
  readonly address: string
  readonly accidents: string[] = []
  readonly #port: number
  readonly #env: Record<string, string>
  #child: Child | undefined
  #isMeantToRun = false

  private constructor(port: number, env: Record<string, string>) {
    this.#port = port
    this.#env = env
    this.address = `http://127.0.0.1:${port}`
  }

  static async start(env: Record<string, string>): Promise<ServerProcess> {
    const server = new ServerProcess(await freePort(), env)
    await server.start()
    return server
  }

  get port(): number {
    return this.#port
  }

  get isRunning(): boolean {
    return this.#child?.isRunning ?? false
  }

  async start(): Promise<void> {
    const child = new Child(process.execPath, ['src/node/start.mjs'], { ...this.#env, PORT: `${this.#port}` })
    this.#child = child
    this.#isMeantToRun = true
    void child.exit.then(({ code, signal }) => {
      if (this.#isMeantToRun && this.#child === child) {
        this.accidents.push(`a server ended by itself (${signal ?? code}): ${child.output.slice(-2000)}`)
      }
    })
    await child.url()
  }

  /** As a crash does. */
  async kill(): Promise<void> {
    this.#isMeantToRun = false
    await this.#child?.kill()
  }

  /** In order. */
  async stop(): Promise<void> {
    this.#isMeantToRun = false
    this.#child?.process.kill('SIGTERM')
    await this.#child?.exit
  }

  hang(): void {
    this.#child?.process.kill('SIGSTOP')
  }

  goOn(): void {
    this.#child?.process.kill('SIGCONT')
  }
}
