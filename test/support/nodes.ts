import { type Child, startChildServer } from './child.ts'
import { TcpProxy } from './proxy.ts'
import { startRedis } from './redis.ts'

type NodeProcess = Child & { readonly address: string }

/** Processes over one Redis behind one address, which gives each new connection to the next of those that run. */
export class Nodes {
  readonly #env: Record<string, string>
  readonly #running: NodeProcess[] = []
  #turn = 0
  #balancer!: TcpProxy

  private constructor(env: Record<string, string>) {
    this.#env = env
  }

  static async start(count: number, env: Record<string, string>): Promise<Nodes> {
    const nodes = new Nodes(env)
    await Promise.all(Array.from({ length: count }, () => nodes.add()))
    nodes.#balancer = await TcpProxy.to(() => Number(new URL(nodes.#next()).port))
    return nodes
  }

  /** Of the balancer. */
  get url(): string {
    return this.#balancer.url
  }

  /** Of each node that runs. */
  get addresses(): string[] {
    return this.#running.map(({ address }) => address)
  }

  async add(): Promise<void> {
    this.#running.push(await startChildServer(this.#env))
  }

  /** Ends the nth of those that run, as a crash does. */
  async kill(n: number): Promise<void> {
    const [node] = this.#running.splice(n, 1)
    await node?.kill()
  }

  /** The nth of those that run does nothing any more, while its connections stay, as of a machine that hangs. */
  pause(n: number): void {
    this.#running[n]!.process.kill('SIGSTOP')
  }

  resume(n: number): void {
    this.#running[n]!.process.kill('SIGCONT')
  }

  async stop(): Promise<void> {
    await Promise.all([this.#balancer.close(), ...this.#running.map((node) => node.kill())])
  }

  #next(): string {
    return this.#running[this.#turn++ % this.#running.length]!.address
  }
}

/** Nodes and a Redis of their own. */
export async function startNodesOverRedis(count: number): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const redis = await startRedis()
  const nodes = await Nodes.start(count, { REDIS_URL: redis.url })
  return { url: nodes.url, stop: () => nodes.stop().finally(() => redis.stop()) }
}
