import { expect, onTestFinished, test } from 'vitest'
import { follow, present, type Status } from '../../src/sdk/index.ts'
import { happening } from '../support/events.ts'
import { message } from '../support/messages.ts'
import { scriptedServer } from '../support/scripted-server.ts'

const uuid = crypto.randomUUID()
const event = (event: object) => JSON.stringify(message(5, { event }))
const slide = (seq: number, fields: object) =>
  JSON.stringify(message(3, { funcKey: 'slide', funcParams: [seq], stateMessage: true, seq, ...fields }))

test('the line holds, and the server cannot reach the room: stale, and live again when it can', async () => {
  const { url, accept } = await scriptedServer()
  const room = follow(url, uuid)
  onTestFinished(() => room.leave())
  const statuses: Status[] = []
  room.when('status', (status) => statuses.push(status))
  const { send } = await accept()
  send(event({ type: 'stale', stale: true }))
  await happening(room, 'status', (status) => status === 'stale')
  const isLive = happening(room, 'status', (status) => status === 'live')
  // What was on its way makes it no fresher.
  send(slide(1, {}))
  send(event({ type: 'stale', stale: false }))
  await isLive
  expect(statuses).toEqual(['live', 'stale', 'live'])
})

test('stale is not over before what was missed has come', async () => {
  const { url, accept } = await scriptedServer()
  const room = follow(url, uuid)
  onTestFinished(() => room.leave())
  const seen: unknown[] = []
  room.when('status', (status) => seen.push(status))
  room.on('slide', (index) => seen.push(index))
  const { send } = await accept()
  send(event({ type: 'stale', stale: true }))
  send(event({ type: 'lagged', missed: 1, reset: true, replay: 1, position: { epoch: 'e', seq: 2 } }))
  send(event({ type: 'stale', stale: false }))
  send(slide(2, { replay: true }))
  await expect.poll(() => seen).toEqual(['live', 'stale', 2, 'live'])
})

test('an owner whose room has lost broadcasts shows what is kept, and goes on from there', async () => {
  const { url, accept } = await scriptedServer()
  const accepted = accept({ uuid, role: 'owner', position: { epoch: 'e', seq: 5 } })
  const room = await present(url, { uuid, ownerKey: 'key' })
  onTestFinished(() => room.leave())
  const seen: unknown[] = []
  room.when('reset', () => seen.push('reset'))
  room.on('slide', (index) => seen.push(index))
  const { send, said } = await accepted
  send(event({ type: 'lagged', missed: 0, reset: true, replay: 1, position: { epoch: 'f', seq: 1 } }))
  send(slide(1, { replay: true }))
  send(event({ type: 'error', code: 'broadcasts_lost', message: 'the log has lost broadcasts' }))
  const problem = await happening(room, 'problem')
  expect(problem).toMatchObject({ code: 'broadcasts_lost' })
  expect(seen).toEqual(['reset', 1])
  expect(room.status).toBe('live')
  const stored = room.state('slide', 2)
  await expect.poll(() => said.length).toBe(1)
  send(event({ type: 'ack', id: (said[0] as unknown as { id: string }).id, position: { epoch: 'f', seq: 2 } }))
  await stored
})
