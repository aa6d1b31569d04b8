import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { TestClient } from '../support/client.ts'
import { message, say } from '../support/messages.ts'
import type { ServerUnderTest } from './protocol.ts'

/** For the server that these tests are run against: more is said at once than a room may otherwise say. */
export const SLOW_LISTENER_VARIABLES = { BROADCAST_BYTES: String(1024 * 1024 * 1024) }

const TEXT = 'x'.repeat(40_000)

/**
 * A listener that stops reading, on every runtime and log. `slides` of 40,000 characters are more than its line holds: by
 * default more than the buffers of a network between two programs on one machine take.
 */
export function testSlowListener(name: string, start: () => Promise<ServerUnderTest>, slides = 400): void {
  describe(`a listener that stops reading: ${name}`, () => {
    let server: ServerUnderTest
    let sockets: TestClient[] = []

    beforeAll(async () => {
      server = await start()
    }, 60_000)
    afterAll(() => server.stop())
    afterEach(() => {
      for (const socket of sockets) socket.close()
      sockets = []
    })

    async function enter(first: object) {
      const socket = await server.connect('/broadcasting')
      sockets.push(socket)
      socket.send(first)
      return { socket, welcome: await socket.next() }
    }

    /** Of all that is broadcast only the newest is stored. */
    async function stalled() {
      const can = ['lines', 'taken', 'feedback']
      const { socket: owner, welcome } = await enter(message(1, { can }))
      const { uuid } = welcome
      const { socket: slow } = await enter(message(2, { uuid, can }))
      slow.stall()
      const acked = (n: number) => owner.next(({ event }) => event?.type === 'ack' && event.id === `${n}`)
      for (let n = 1; n <= slides; n++) {
        owner.send(say(uuid, 'slide', [n, TEXT], { stateMessage: true, id: `${n}` }))
        if (n > 8) await acked(n - 8)
      }
      await acked(slides)
      return { owner, uuid, slow }
    }

    test('[R6] [R7] it is told what it missed when it reads again, and has the newest state', async () => {
      const { owner, uuid, slow } = await stalled()
      slow.resume()
      const { event } = await slow.nextEvent('lagged')
      expect(event).toMatchObject({ reset: false, replay: 1, position: { seq: slides } })
      const before = slow.received.flatMap(({ seq, replay }) => (replay ? [] : (seq ?? [])))
      expect(before).toEqual(before.map((_, i) => i + 1))
      expect(event).toMatchObject({ missed: slides - before.length - 1 })
      owner.send(say(uuid, 'last', []))
      expect(await slow.next(({ funcKey }) => funcKey === 'last')).toMatchObject({ seq: slides + 1 })
      const replayed = slow.received.filter(({ replay }) => replay === true)
      expect(replayed).toMatchObject([{ seq: slides, funcParams: [slides, TEXT] }])
    })

    test('[E1] it is told that the room is over, and why', async () => {
      const { owner, uuid, slow } = await stalled()
      owner.send(message(4, { uuid }))
      await owner.closed()
      slow.resume()
      expect(await slow.next(({ status }) => status.value === 0)).toMatchObject({ event: { code: 'room_closed' } })
      expect(await slow.closed()).toMatchObject({ code: 1000 })
      expect(slow.received.flatMap(({ seq }) => seq ?? []).length).toBeLessThan(slides)
    })
  })
}
