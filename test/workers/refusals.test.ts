import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { follow, present } from '../../src/sdk/index.ts'
import { happening } from '../support/events.ts'
import { TestSocket } from '../support/socket.ts'
import { hasWorkerd } from '../support/workerd.ts'
import { startWranglerDev, type WranglerDev } from '../support/wrangler.ts'

const ELSEWHERE = 'https://elsewhere.example'
const BELOW = 'https://a.b.example.org'

function pageOf(origin: string): typeof globalThis.WebSocket {
  class Page extends WebSocket {
    constructor(url: string) {
      super(url, { origin })
    }
  }
  return Page as unknown as typeof globalThis.WebSocket
}

describe.skipIf(!hasWorkerd())('origins, at the Worker', () => {
  let server: WranglerDev

  beforeAll(async () => {
    server = await startWranglerDev({ ALLOWED_ORIGINS: 'https://*.example.org' })
  }, 60_000)

  afterAll(() => server?.stop())

  test.each(['/broadcasting', '/rooms/00000000-0000-4000-8000-000000000000/socket'])(
    '[J5] who may not come in is told why over the WebSocket, at %s',
    async (path) => {
      const socket = await TestSocket.connect(server.url + path, { origin: ELSEWHERE })
      expect((await socket.next()).event).toMatchObject({ type: 'error', code: 'origin_refused' })
      expect(await socket.closed()).toMatchObject({ code: 4504 })
    },
  )

  test('[J5] the SDK: present is rejected, and follow ends, with the code', async () => {
    const webSocket = pageOf(ELSEWHERE)
    await expect(present(server.url, { webSocket })).rejects.toMatchObject({ code: 'origin_refused' })
    const room = follow(server.url, '00000000-0000-4000-8000-000000000000', { webSocket })
    await happening(room, 'status', (status) => status === 'ended')
    expect(room.ending).toMatchObject({ code: 'origin_refused' })
  })

  test.each([
    ['its own', () => server.url, true],
    ['one below a star', () => BELOW, true],
    ['the bare domain of a star', () => 'https://example.org', false],
  ])('a page of %s', async (_, origin, isIn) => {
    const opened = present(server.url, { webSocket: pageOf(origin()) })
    if (!isIn) return expect(opened).rejects.toMatchObject({ code: 'origin_refused' })
    const room = await opened
    await room.close()
  })
})
