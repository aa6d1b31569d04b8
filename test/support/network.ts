import type { ServerUnderTest } from '../contracts/protocol.ts'
import { TestSocket } from './socket.ts'

interface Running {
  readonly url: string
  stop(): Promise<void>
}

/** One server, or several that are one and take the clients in turns: reached as clients reach them, over real sockets. */
export function overSockets(...servers: readonly [Running, ...Running[]]): ServerUnderTest {
  let turn = 0
  const next = () => servers[turn++ % servers.length]!.url
  return {
    connect: (path) => TestSocket.connect(next() + path),
    fetch: (path, init) => fetch(next() + path, init),
    async stop() {
      await Promise.all(servers.map((server) => server.stop()))
    },
  }
}
