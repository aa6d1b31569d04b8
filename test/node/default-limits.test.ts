import { once } from 'node:events'
import { expect, test } from 'vitest'
import { Child } from '../support/child.ts'
import { joinRoom, openRoom, say, type TestSocket } from '../support/socket.ts'

const ROOMS = 8
const CLEARS = 1050
const BODY = 'x'.repeat(65_000)

/** Sends what `make` makes, `times` times, never more than a few under way. */
async function flood(owner: TestSocket, uuid: string, times: number, make: (n: number) => object): Promise<void> {
  const underWay = 8
  for (let n = 1; n <= times; n++) {
    owner.send(say(uuid, 'ink', [BODY], { stateMessage: true, id: String(n), ...make(n) }))
    if (n > underWay) await owner.nextEvent('ack')
  }
  for (let n = 0; n < underWay; n++) await owner.nextEvent('ack')
}

test('[B2] [R6] eight rooms within the default limits live in a heap of 512 MB, whatever they clear', async () => {
  const child = new Child(process.execPath, ['--max-old-space-size=512', 'src/node/start.mjs'], {
    // So that it is over sooner: what is held does not depend on how fast it comes.
    BROADCAST_BYTES: '1000000000',
  })
  try {
    const url = await child.url()
    const rooms = await Promise.all(Array.from({ length: ROOMS }, () => openRoom(url)))
    await Promise.all(
      rooms.map(({ owner, uuid }) =>
        // Each clear is superseded by the next, and the last by what is small.
        flood(owner, uuid, CLEARS + 1, (n) => (n <= CLEARS ? { retain: 'clear' } : { funcParams: ['last'] })),
      ),
    )
    for (const { uuid } of rooms) {
      const { welcome, listener } = await joinRoom(url, uuid)
      expect(welcome).toMatchObject({ replay: 1, position: { seq: CLEARS + 1 } })
      listener.close()
    }
    for (const { owner } of rooms) owner.close()
    await Promise.all(rooms.map(({ owner }) => owner.closed()))
    expect(child.isRunning).toBe(true)
    child.process.kill('SIGTERM')
    await once(child.process, 'exit')
  } finally {
    await child.kill()
  }
}, 120_000)
