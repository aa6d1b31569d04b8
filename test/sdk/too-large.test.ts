import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { follow, present } from '../../src/sdk/index.ts'
import { happening } from '../support/events.ts'
import { scriptedServer } from '../support/scripted-server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

const LIMIT = 4096

let server: TestServer

beforeAll(async () => {
  server = await startTestServer({ MESSAGE_BYTES: String(LIMIT) })
})
afterAll(() => server.stop())

/** Of so many bytes of UTF-8, three to a character. */
const text = (bytes: number) => '€'.repeat(bytes / 3)

const TOO_LARGE = { code: 'message_too_large', limit: LIMIT }

test('[B1] what is larger than the server takes is refused here, and all goes on', async () => {
  const room = await present(server.url)
  onTestFinished(() => room.leave())
  const problems: unknown[] = []
  room.when('problem', (problem) => problems.push(problem))
  const show = follow(server.url, room.uuid)
  show.when('problem', (problem) => problems.push(problem))
  onTestFinished(() => show.leave())
  const heard: number[] = []
  show.each(({ params }) => heard.push(String(params[0]).length))
  await happening(show, 'status', (status) => status === 'live')
  for (const say of [
    () => room.broadcast('a', text(LIMIT)),
    () => room.state('a', text(LIMIT)),
    () => room.key('k').append('a', text(LIMIT)),
    () => room.to([show.clientId]).broadcast('a', text(LIMIT)),
    () => show.feedback('a', text(LIMIT)),
  ]) {
    await expect(say()).rejects.toMatchObject(TOO_LARGE)
  }
  expect(problems).toHaveLength(5)
  // Far from it in characters, and short of it in bytes.
  await room.broadcast('a', text(LIMIT - 400))
  const feedback = happening(room, 'feedback')
  await show.feedback('a', text(LIMIT - 400))
  await feedback
  await expect.poll(() => heard).toEqual([text(LIMIT - 400).length])
  expect([room.status, show.status]).toEqual(['live', 'live'])
})

test('[B1] one byte more is refused here, and the last that fits is taken there', async () => {
  const room = await present(server.url)
  onTestFinished(() => room.leave())
  room.when('problem', () => {})
  let most = LIMIT
  const fits = async (length: number) =>
    room.broadcast('a', 'x'.repeat(length)).then(
      () => true,
      () => false,
    )
  while (!(await fits(most))) most--
  expect(most).toBeGreaterThan(LIMIT - 300)
  expect(room.status).toBe('live')
})

test('[B1] what waits is measured when the limit is known, and only what is too large for it is refused', async () => {
  const { url, accept } = await scriptedServer()
  const show = follow(url, crypto.randomUUID())
  onTestFinished(() => show.leave())
  show.when('problem', () => {})
  const before = [show.feedback('a', 1), show.feedback('a', text(900)), show.feedback('a', 2)]
  const { said } = await accept({ limits: { messageBytes: 1000, stateBytes: 1000, stateEntries: 10 } })
  await expect(before[1]).rejects.toMatchObject({ code: 'message_too_large', limit: 1000 })
  await expect.poll(() => said.length).toBe(2)
})

test('[B1] [C3] a server that takes less after a reconnect gets what it takes', async () => {
  const { url, accept } = await scriptedServer()
  const uuid = crypto.randomUUID()
  const first = accept({ uuid, role: 'owner', ownerKey: 'key' })
  const room = await present(url)
  onTestFinished(() => room.leave())
  room.when('problem', () => {})
  const { said, socket } = await first
  const large = room.broadcast('a', text(600))
  void room.broadcast('a', 1)
  await expect.poll(() => said.length).toBe(2)
  const next = accept({ uuid, role: 'owner', limits: { messageBytes: 500, stateBytes: 1000, stateEntries: 10 } })
  socket.terminate()
  const again = await next
  await expect(large).rejects.toMatchObject({ code: 'message_too_large', limit: 500 })
  await expect.poll(() => again.said.length).toBe(1)
  await expect(room.state('a', text(600))).rejects.toMatchObject({ code: 'message_too_large' })
  expect(again.said).toHaveLength(1)
})
