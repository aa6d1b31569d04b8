import type { ServerUnderTest } from '../contracts/protocol.ts'
import { TestSocket } from './socket.ts'

/** The server at `url`, reached as its clients reach it: over real sockets. */
export function overSockets({ url, stop }: { url: string; stop(): Promise<void> }): ServerUnderTest {
  return {
    connect: (path) => TestSocket.connect(url + path),
    fetch: (path, init) => fetch(url + path, init),
    stop,
  }
}
