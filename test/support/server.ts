import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { readConfig } from '../../src/node/config.ts'
import { type RunningServer, startServer } from '../../src/node/server.ts'

export interface TestServer extends RunningServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
}

/** A server in this process, on a free port, with the memory log unless `env` says otherwise. */
export async function startTestServer(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startServer(
    readConfig({ HOST: '127.0.0.1', PORT: '0', ...(env.REDIS_URL === undefined && { LOG: 'memory' }), ...env }),
  )
  return { ...server, url: `http://127.0.0.1:${server.port}` }
}

/** A port that nobody listens on, for a server that is to be started on the same one again. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
