import { once } from 'node:events'
import { createServer } from 'node:net'

// Below what systems hand out for outgoing connections, so that none of them takes the port while its server restarts; and
// that holds as well for the bus of a cluster's node, 10,000 above.
const FIRST = 10_000
const LAST = 20_000

/** A port on 127.0.0.1 that nobody listens on, and that a server can have again after a restart. */
export async function restartablePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    if (await isFree(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
