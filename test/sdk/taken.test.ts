import { expect, onTestFinished, test } from 'vitest'
import { follow } from '../../src/sdk/index.ts'
import { message } from '../support/messages.ts'
import { scriptedServer } from '../support/scripted-server.ts'

async function lineTo(welcome: object) {
  const server = await scriptedServer()
  const room = follow(server.url, crypto.randomUUID())
  room.when('problem', () => {})
  onTestFinished(() => room.leave())
  return { ...(await server.accept(welcome)), room }
}

const broadcast = (seq: number) => JSON.stringify(message(3, { funcKey: 'a', funcParams: ['x'.repeat(400)], seq }))

test('[R6] the SDK says that it can, and then how much it has taken, as seldom as it is asked to', async () => {
  const { hello, said, send, size, room } = await lineTo({ takenEvery: 2000 })
  expect(hello.can).toEqual(['lines', 'taken', 'feedback', 'resends'])
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
