import { expect, onTestFinished, test } from 'vitest'
import { follow, present } from '../../src/sdk/index.ts'
import { startChildServer } from '../support/child.ts'
import { happening } from '../support/events.ts'

test('[C3] a presenter whose server hangs knows within 5 s; when it goes on, all is heard once', async () => {
  const server = await startChildServer()
  onTestFinished(() => server.kill())
  const room = await present<{ slide: [index: number] }>(server.address)
  onTestFinished(() => room.leave())
  const show = follow<{ slide: [index: number] }>(server.address, room.uuid)
  onTestFinished(() => show.leave())
  const slides: number[] = []
  show.on('slide', (index) => slides.push(index))
  await happening(show, 'status', (status) => status === 'live')
  await room.state('slide', 1)

  server.process.kill('SIGSTOP')
  const knows = happening(room, 'status')
  const from = performance.now()
  const said = room.state('slide', 2)
  expect(await knows).toBe('reconnecting')
  expect(performance.now() - from).toBeLessThan(5000)

  server.process.kill('SIGCONT')
  await said
  await room.state('slide', 3)
  expect(room.status).toBe('live')
  await expect.poll(() => slides).toEqual([1, 2, 3])
  expect(show.status).toBe('live')
})
