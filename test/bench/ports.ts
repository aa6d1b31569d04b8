import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Child } from './children.ts'

/** Workerd takes its time. */
const startMs = 20_000

/** A port that was free just now; a new one for each server, so that no old connection's TIME_WAIT is in the way. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** Resolves when `server` listens at `port`; throws with its own words when it ends before, or does not in time. */
export async function untilAccepting(server: Child, port: number): Promise<void> {
  const end = Date.now() + startMs
  let ended: unknown
  server.exit.then((exit) => {
    ended = exit
  })
  while (!(await accepts(port))) {
    if (ended !== undefined) throw new Error(`the server ended (${ended}): ${server.complaint()}`)
    if (Date.now() > end) throw new Error(`the server did not listen within ${startMs} ms: ${server.complaint()}`)
    await sleep(50)
  }
}
