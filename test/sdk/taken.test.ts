import { expect, onTestFinished, test } from 'vitest'
import { follow } from '../../src/sdk/index.ts'
import { message } from '../support/messages.ts'
import { scriptedServer } from '../support/scripted-server.ts'

test('[R7] the SDK says that it can, and answers each question, in its order, when what came before it has come', async () => {
  const server = await scriptedServer()
  const room = follow(server.url, crypto.randomUUID())
  room.when('problem', () => {})
  onTestFinished(() => room.leave())
  const { hello, said, send } = await server.accept({})
  expect(hello.can).toEqual(expect.arrayContaining(['lines', 'taken']))
  const broadcast = (seq: number) => JSON.stringify(message(3, { funcKey: 'a', seq }))
  const question = (nonce: string) => JSON.stringify(message(5, { event: { type: 'taken', nonce } }))
  send([1, 2, 3].map(broadcast).join('\n'))
  send(question('one'))
  send(`${broadcast(4)}\n${question('two')}`)
  await expect.poll(() => said.length).toBe(2)
  expect(said).toMatchObject([
    { status: { value: 3 }, funcKey: '', taken: 'one' },
    { status: { value: 3 }, funcKey: '', taken: 'two' },
  ])
})
