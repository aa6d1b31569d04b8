import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/folder.ts'
import { startTestServer } from '../support/server.ts'
import { joinRoom, message, openRoom, say, TestSocket } from '../support/socket.ts'

test('[R5] rooms come back when they are first asked for, not all at start', async () => {
  const folder = temporaryFolder()
  const env = { LOG: 'sqlite', DATA_DIR: folder.path }
  const before = await startTestServer(env)
  const rooms = []
  for (let n = 0; n < 30; n++) {
    const room = await openRoom(before.url)
    room.owner.send(say(room.uuid, 'slide', [n], { stateMessage: true, id: 'x' }))
    await room.owner.nextEvent('ack')
    rooms.push(room)
  }
  await before.stop()

  const after = await startTestServer(env)
  const held = async () => ((await (await fetch(`${after.url}/health`)).json()) as { rooms: number }).rooms
  expect(await held()).toBe(0)
  const { uuid, ownerKey, welcome } = rooms[7]!
  const { listener, welcome: joined } = await joinRoom(after.url, uuid, { since: { ...welcome.position, seq: 0 } })
  expect(joined).toMatchObject({ recovered: true, position: { seq: 1 } })
  expect(await listener.nextBroadcast()).toMatchObject({ funcParams: [7] })
  expect(await held()).toBe(1)
  const owner = await TestSocket.connect(`${after.url}/broadcasting`)
  owner.send(message(1, { uuid, ownerKey }))
  expect(await owner.next()).toMatchObject({ role: 'owner', replay: 1 })
  expect(await held()).toBe(1)
  for (const socket of [owner, listener]) socket.close()
  await after.stop()
  folder.remove()
})
