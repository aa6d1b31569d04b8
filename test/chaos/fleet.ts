import { TcpProxy } from '../support/proxy.ts'
import type { Random } from '../support/random.ts'
import { type Fault, seconds, sleep } from './ground.ts'
import { ServerProcess } from './server-process.ts'

/** Several Node servers over one store, behind a balancer that knows which of them run, and not which of them hang. */
export class Fleet {
  readonly #servers: readonly ServerProcess[]
  readonly #balancer: TcpProxy
  /** A server that something is done to already. */
  readonly #busy = new Set<ServerProcess>()

  private constructor(servers: readonly ServerProcess[], balancer: TcpProxy) {
    this.#servers = servers
    this.#balancer = balancer
  }

  static async start(count: number, env: Record<string, string>): Promise<Fleet> {
    const servers = await Promise.all(Array.from({ length: count }, () => ServerProcess.start(env)))
    let turn = 0
    const balancer = await TcpProxy.to(() => {
      const running = servers.filter(({ isRunning }) => isRunning)
      return (running[turn++ % running.length] ?? servers[0]!).port
    })
    return new Fleet(servers, balancer)
  }

  get url(): string {
    return this.#balancer.url
  }

  get addresses(): string[] {
    return this.#servers.map(({ address }) => address)
  }

  get accidents(): string[] {
    return this.#servers.flatMap(({ accidents }) => accidents)
  }

  readonly faults: Readonly<Record<string, Fault>> = {
    'a server is killed': (random) =>
      this.#with(random, async (server) => {
        await server.kill()
        await sleep(seconds(random, 0, 3))
        await server.start()
      }),
    'a server stops in order': (random) =>
      this.#with(random, async (server) => {
        await server.stop()
        await sleep(seconds(random, 0, 3))
        await server.start()
      }),
    'a server hangs': (random) => this.#with(random, (server) => hang(server, seconds(random, 0.5, 8))),
    'a server hangs again and again': (random) =>
      this.#with(random, async (server) => {
        for (let times = 0; times < 4; times++) {
          await hang(server, 7)
          await sleep(seconds(random, 0.6, 3))
        }
      }),
  }

  async stop(): Promise<void> {
    await this.#balancer.close()
    await Promise.all(this.#servers.map((server) => server.kill()))
  }

  async #with(random: Random, work: (server: ServerProcess) => Promise<void>): Promise<void> {
    const free = this.#servers.filter((server) => !this.#busy.has(server))
    if (free.length === 0) return
    const server = random.pick(free)
    this.#busy.add(server)
    await work(server).finally(() => this.#busy.delete(server))
  }
}

async function hang(server: ServerProcess, s: number): Promise<void> {
  server.hang()
  await sleep(s)
  server.goOn()
}
