import { expect, test } from 'vitest'
import { startChildServer } from '../support/child.ts'
import { until } from '../support/events.ts'
import { temporaryFolder } from '../support/folder.ts'
import { joinRoom, message, openRoom, say, TestSocket } from '../support/socket.ts'

test('[B2] a promise that a library drops is logged, and nobody notices', async ({ onTestFinished }) => {
  const server = await startChildServer({}, 'fault-probe')
  onTestFinished(() => server.kill())
  const { owner, uuid } = await openRoom(server.address)
  const { listener } = await joinRoom(server.address, uuid)
  server.process.send('reject')
  await until(() => server.output.includes('dropped by a library'))
  owner.send(say(uuid, 'still', [], { id: 'a' }))
  expect(await listener.nextBroadcast()).toMatchObject({ funcKey: 'still' })
  for (const socket of [owner, listener]) socket.close()
})

test('[E3] a fault that ends the process is said, and it ends in order: goaway, and nothing acknowledged is lost', async ({
  onTestFinished,
}) => {
  const folder = temporaryFolder()
  onTestFinished(() => folder.remove())
  const env = { LOG: 'sqlite', DATA_DIR: folder.path }
  const server = await startChildServer(env, 'fault-probe')
  onTestFinished(() => server.kill())
  const { owner, uuid } = await openRoom(server.address)
  const { listener } = await joinRoom(server.address, uuid)
  owner.send(say(uuid, 'kept', [], { id: 'a', stateMessage: true }))
  await owner.nextEvent('ack')
  server.process.send('throw')
  server.process.send('throw')
  for (const socket of [owner, listener]) {
    expect(await socket.closed()).toMatchObject({ code: 1012 })
    expect(socket.received.at(-1)).toMatchObject({ event: { type: 'goaway' } })
  }
  expect(await server.exit).toEqual({ code: 1, signal: null })
  expect(server.output).toContain('a bug of ours')
  const again = await startChildServer(env)
  onTestFinished(() => again.kill())
  const late = await TestSocket.connect(`${again.address}/broadcasting`)
  late.send(message(2, { uuid }))
  expect(await late.next()).toMatchObject({ position: { seq: 1 } })
  expect(await late.next()).toMatchObject({ funcKey: 'kept', replay: true })
  late.close()
})
