import { readFileSync } from 'node:fs'
import { createClient, type RedisClientType } from '@redis/client'
import { until } from '../events.ts'
import { temporaryFolder } from '../folder.ts'
import { makeCertificate } from './certificate.ts'
import { restartablePort } from './port.ts'
import { RedisProcess } from './process.ts'

const servers = new Set<RedisServer>()

export interface RedisOptions {
  /** True, the default: every write is on the disk before it is answered. False: nothing is kept past its end. */
  readonly isDurable?: boolean
  /** A free one, unless said. */
  readonly port?: number
  readonly password?: string
  /** With a certificate of its own, and no port without TLS. */
  readonly tls?: boolean
  /** More of what the command line takes: `['--maxmemory', '4mb']`. */
  readonly args?: readonly string[]
}

/** A `redis-server` on 127.0.0.1, with a port and a folder that are its own over all its lives. */
export class RedisServer {
  readonly port: number
  /** `redis://127.0.0.1:<port>`, or `rediss://`, with the password in it. */
  readonly url: string
  /** With TLS, the path of the certificate that clients have to trust: for `NODE_EXTRA_CA_CERTS`. */
  readonly caFile: string | undefined
  readonly password: string | undefined
  readonly #folder: ReturnType<typeof temporaryFolder>
  readonly #args: readonly string[]
  #process: RedisProcess | undefined

  /** For `startRedis`. */
  constructor(port: number, { isDurable = true, password, tls = false, args = [] }: RedisOptions) {
    const folder = temporaryFolder()
    this.port = port
    this.password = password
    this.#folder = folder
    servers.add(this)
    const certificate = tls ? makeCertificate(folder.path) : undefined
    this.caFile = certificate?.certificate
    this.url = `redis${tls ? 's' : ''}://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`
    this.#args = [
      ...['--bind', '127.0.0.1', '--dir', folder.path, '--daemonize', 'no', '--save', ''],
      ...(isDurable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no']),
      // A replica gets its copy at once, in place of after five seconds in which others could come.
      ...['--repl-diskless-sync-delay', '0'],
      ...(password === undefined ? [] : ['--requirepass', password, '--masterauth', password]),
      ...(certificate === undefined
        ? ['--port', `${port}`]
        : [
            ...['--port', '0', '--tls-port', `${port}`, '--tls-auth-clients', 'no'],
            ...['--tls-cert-file', certificate.certificate, '--tls-key-file', certificate.key],
            ...['--tls-ca-cert-file', certificate.certificate],
          ]),
      ...args,
    ]
  }

  get isRunning(): boolean {
    return this.#process?.isRunning ?? false
  }

  /** Of its process in this life. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Starts it again, with the port and the data that it had; ends it in order before, if it runs. */
  async restart(): Promise<void> {
    await this.shutdown()
    this.#process = await RedisProcess.start(this.#args, this.#folder.path)
    await this.command('PING')
  }

  /** Ends it in order, as a service manager does; `restart()` brings it back. */
  async shutdown(): Promise<void> {
    this.resume()
    await this.#process?.end('SIGTERM')
  }

  /** Ends it as a crash does; `restart()` brings it back. */
  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL')
  }

  /** Ends it for good, and takes its folder away. */
  async stop(): Promise<void> {
    await this.kill()
    this.#folder.remove()
    servers.delete(this)
  }

  /** It answers nothing any more, while its connections stay, as of a machine that hangs. */
  pause(): void {
    this.#process?.signal('SIGSTOP')
  }

  resume(): void {
    this.#process?.signal('SIGCONT')
  }

  /** Ends the connections of all its clients, subscribers among them; resolves with how many there were. */
  cutConnections(): Promise<number> {
    return this.#ask(async (client) => {
      let cut = 0
      for (const type of ['normal', 'pubsub'])
        cut += await client.sendCommand<number>(['CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes'])
      return cut
    })
  }

  /** What it answers, asked over a connection for this one command. Waits while it is paused, rejects while it is down. */
  command<T = unknown>(...args: string[]): Promise<T> {
    return this.#ask((client) => client.sendCommand<T>(args))
  }

  /** The names of its keys, sorted. */
  keys(pattern = '*'): Promise<string[]> {
    return this.#ask(async (client) => {
      const keys = new Set<string>()
      for await (const page of client.scanIterator({ MATCH: pattern, COUNT: 1000 }))
        for (const key of page) keys.add(key)
      return [...keys].sort()
    })
  }

  /** A client that is connected, and that does not connect again. Who asks for it closes it. */
  async connect(): Promise<RedisClientType> {
    const socket = { reconnectStrategy: false as const, connectTimeout: 5000 }
    const client: RedisClientType = createClient({
      url: this.url,
      socket: this.caFile === undefined ? socket : { ...socket, tls: true, ca: readFileSync(this.caFile) },
    })
    // Whatever it is, the command under way says it too.
    client.on('error', () => {})
    return client.connect()
  }

  /** Makes it a replica of `master`; resolves when it has all that the master has. */
  async follow(master: RedisServer): Promise<void> {
    await this.command('REPLICAOF', '127.0.0.1', `${master.port}`)
    await this.untilLinked()
  }

  /** Resolves when this replica has the data of its master and gets what the master gets. */
  untilLinked(): Promise<void> {
    return this.#ask((client) =>
      until(async () => (await client.sendCommand<string>(['INFO', 'replication'])).includes('master_link_status:up')),
    )
  }

  /** Makes a replica a master. */
  async promote(): Promise<void> {
    await this.command('REPLICAOF', 'NO', 'ONE')
  }

  async #ask<T>(question: (client: RedisClientType) => Promise<T>): Promise<T> {
    const client = await this.connect()
    try {
      return await question(client)
    } finally {
      client.destroy()
    }
  }
}

/** Starts a Redis, which keeps every write unless told otherwise. Resolves when it answers. Who starts it stops it. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  for (;;) {
    const server = new RedisServer(options.port ?? (await restartablePort()), options)
    try {
      await server.restart()
      return server
    } catch (error) {
      await server.stop()
      // Another has taken the port since it was looked at.
      if (options.port === undefined && String(error).includes('Address already in use')) continue
      throw error
    }
  }
}

/** Starts a replica of `master`; resolves when it has all that the master has. */
export async function startReplica(master: RedisServer, options: RedisOptions = {}): Promise<RedisServer> {
  const { password } = master
  const replica = await startRedis({ ...(password !== undefined && { password }), ...options })
  try {
    await replica.follow(master)
  } catch (error) {
    await replica.stop()
    throw error
  }
  return replica
}

/** Stops whatever has been started here and has not been stopped. */
export async function stopAll(): Promise<void> {
  await Promise.all([...servers].map((server) => server.stop()))
}
