import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { follow } from '../../src/sdk/index.ts'
import { message } from '../support/socket.ts'

const WELCOME = {
  clientId: 'c',
  role: 'listener',
  position: { epoch: 'e', seq: 0 },
  replay: 0,
  recovered: false,
  limits: { messageBytes: 1, stateBytes: 1, stateEntries: 1 },
}

async function lineTo(welcome: object) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  const room = follow(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, crypto.randomUUID())
  onTestFinished(() => {
    room.leave()
    server.close()
  })
  const [socket] = await once(server, 'connection')
  const [hello] = await once(socket, 'message')
  const said: { taken?: number; status: { text: string } }[] = []
  socket.on('message', (data: unknown) => said.push(JSON.parse(String(data))))
  const send = (text: string) => {
    socket.send(text)
    return text.length
  }
  const size = send(JSON.stringify(message(3, { ...WELCOME, ...welcome })))
  return { hello: JSON.parse(String(hello)), said, send, size, room }
}

const broadcast = (seq: number) => JSON.stringify(message(3, { funcKey: 'a', funcParams: ['x'.repeat(400)], seq }))

test('[R6] the SDK says that it can, and then how much it has taken, as seldom as it is asked to', async () => {
  const { hello, said, send, size, room } = await lineTo({ takenEvery: 2000 })
  expect(hello.can).toEqual(['lines', 'taken'])
  const heard: number[] = []
  const all = new Promise<void>((resolve) => room.each(({ seq }) => heard.push(seq!) === 8 && resolve()))
  let sent = size + send([1, 2, 3, 4].map(broadcast).join('\n'))
  for (const seq of [5, 6, 7, 8]) sent += send(broadcast(seq))
  await all
  expect(heard).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  await expect.poll(() => said.length).toBeGreaterThan(0)
  const reported = said.reduce((sum, { taken }) => sum + taken!, 0)
  expect(said.every(({ taken }) => taken! >= 2000)).toBe(true)
  expect(sent - reported).toBeLessThan(2000)
})

test('[R6] it says nothing to a server that does not ask', async () => {
  const { said, send, room } = await lineTo({})
  const last = new Promise<void>((resolve) => room.each(({ seq }) => seq === 8 && resolve()))
  for (const seq of [1, 2, 3, 4, 5, 6, 7, 8]) send(broadcast(seq))
  await last
  room.feedback('end')
  await expect.poll(() => said.length).toBeGreaterThan(0)
  expect(said).toHaveLength(1)
  expect(said[0]).not.toHaveProperty('taken')
})
