import { runInDurableObject } from 'cloudflare:test'
import { describe, expect, test } from 'vitest'
import { type Message, message, say } from '../../support/messages.ts'
import { Client } from './client.ts'
import { evict, objectOf, storedOf } from './objects.ts'

/** src/room/limits.ts, in characters here. */
const MARK = 256 * 1024

const CAN = { can: ['lines', 'taken', 'feedback'] }
const TEXT = 'x'.repeat(40_000)

async function openRoom() {
  const { client: owner, welcome } = await Client.enter(message(1, CAN))
  return { owner, uuid: welcome.uuid }
}

let slides = 0

/** Broadcasts so many slides, each a state of its own, and waits for the last one's answer. */
async function show(owner: Client, uuid: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const n = ++slides
    owner.send(say(uuid, 'slide', [n, TEXT], { stateMessage: true, stateKey: `${n}`, id: `${n}` }))
    await owner.nextEvent('ack')
  }
}

describe('[R7] only what is shown to have come is taken', () => {
  test.each(['nonce', '00000000-0000-4000-8000-000000000000'])('a client that makes one up (%s)', async (lie) => {
    const { owner, uuid } = await openRoom()
    const { client: liar } = await Client.enter(message(2, { uuid, ...CAN }))
    liar.stall()
    for (let n = 1; n <= 20; n++) {
      liar.send(message(3, { taken: lie }))
      await show(owner, uuid, 1)
    }
    expect(liar.unread).toBeLessThan(1.5 * MARK)
    liar.resume()
    expect(await liar.nextEvent('error')).toMatchObject({ event: { code: 'bad_message', field: 'taken' } })
  })

  test('a sleep between any two broadcasts forgets nothing of it', async () => {
    const { owner, uuid } = await openRoom()
    const { client: stuck } = await Client.enter(message(2, { uuid, ...CAN }))
    stuck.stall()
    for (let n = 1; n <= 20; n++) {
      await show(owner, uuid, 1)
      await evict(uuid)
    }
    expect(stuck.unread).toBeLessThan(1.5 * MARK)
    stuck.resume()
    await stuck.nextEvent('lagged')
    expect(await stuck.next(({ seq }) => seq === 20)).toMatchObject({ replay: true })
  })
})

test('[R4] of a large state a joiner that takes nothing is sent no more than the mark, whatever it can', async () => {
  const { owner, uuid } = await openRoom()
  await show(owner, uuid, 20)
  const late = await Promise.all(
    [CAN, {}].map(async (can) => {
      const { client, welcome } = await Client.enter(message(2, { uuid, ...can }))
      client.stall()
      return { client, welcome }
    }),
  )
  // Whatever is on its way comes before the answer to this.
  await show(owner, uuid, 1)
  for (const { client, welcome } of late) {
    expect(welcome).toMatchObject({ replay: 20 })
    expect(client.unread).toBeLessThan(1.5 * MARK)
  }
  const { client: reporting } = late[0]!
  reporting.resume()
  const seqs: unknown[] = []
  while (seqs.at(-1) !== 21) seqs.push((await reporting.nextBroadcast()).seq)
  expect(seqs).toContain(20)
})

describe('[O3] [C1] who is out is no member any more, whatever its line still brings after a sleep', () => {
  test('a listener that left, and an owner that was displaced', async () => {
    const { client: owner, welcome } = await Client.enter(message(1, CAN), undefined, false)
    const { uuid, ownerKey } = welcome
    const { client: left } = await Client.enter(message(2, { uuid, ...CAN }), `/rooms/${uuid}/socket`, false)
    await owner.nextEvent('listeners')
    left.send(message(4, { uuid }))
    await left.closed()
    expect(await owner.nextEvent('listeners')).toMatchObject({ event: { count: 0 } })
    const { client: second } = await Client.enter(message(1, { uuid, ownerKey, ...CAN }))
    await owner.closed()
    await evict(uuid)
    const { client: listener } = await Client.enter(message(2, { uuid, ...CAN }))
    for (const client of [left, owner]) client.send(say(uuid, 'evil', [], { id: 'evil' }))
    second.send(say(uuid, 'last', [], { to: 'all' }))
    const heard: Message[] = []
    for (const client of [second, listener]) heard.push(await client.nextBroadcast())
    expect(heard.map(({ funcKey }) => funcKey)).toEqual(['last', 'last'])
  })
})

describe('[B2] an object that is no room keeps nothing', () => {
  test.each([
    ['asks for a room that does not exist', (client: Client, uuid: string) => client.send(message(2, { uuid }))],
    ['goes', (client: Client) => client.close()],
    ['says nothing until its time is over', () => {}],
  ])('a client that %s', async (_, end) => {
    const uuid = crypto.randomUUID()
    const client = await Client.connect(`/rooms/${uuid}/socket`)
    expect((await storedOf(uuid)).alarm).not.toBeNull()
    end(client, uuid)
    const nothing = { tables: [], alarm: null, size: await sizeOf(crypto.randomUUID()) }
    await expect.poll(async () => ({ ...(await storedOf(uuid)), size: await sizeOf(uuid) })).toEqual(nothing)
  })
})

/** Bytes of the object's database. */
function sizeOf(uuid: string): Promise<number> {
  return runInDurableObject(objectOf(uuid), (_, { storage }) => storage.sql.databaseSize)
}

test('[C7] [R7] an owner that reads gets all feedback, however long its answers take', async () => {
  const { owner, uuid } = await openRoom()
  const { client: listener } = await Client.enter(message(2, { uuid, ...CAN }))
  const essay = 'x'.repeat(3500)
  for (let n = 1; n <= 22; n++) {
    // What it has not taken from then on is a third of what a line may hold.
    if (n === 17) owner.stall()
    listener.send(say(uuid, 'essay', [essay], { id: `${n}` }))
    const { event } = await listener.next(({ event }) => event?.type === 'ack' || event?.type === 'error')
    expect(event).toMatchObject({ type: 'ack', id: `${n}` })
    if (n < 17) await owner.nextBroadcast()
  }
})
