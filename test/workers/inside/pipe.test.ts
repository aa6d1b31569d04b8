import { abortAllDurableObjects } from 'cloudflare:test'
import { describe, expect, test } from 'vitest'
import { PING } from '../../../src/protocol/routes.ts'
import { Pipe } from '../../../src/workers/pipe.ts'
import { message, say } from '../../support/messages.ts'
import { Client } from './client.ts'

/** src/room/limits.ts */
const MESSAGE_BYTES = 65_536

describe('before the first message has said which room', () => {
  test('[B1] a message that is no message is answered, and the line lives', async () => {
    const client = await Client.connect()
    client.send('{')
    expect(await client.nextEvent('error')).toMatchObject({ status: { value: 5 }, event: { code: 'bad_json' } })
    client.sendBinary(new ArrayBuffer(3))
    expect(await client.nextEvent('error')).toMatchObject({ event: { code: 'binary_message' } })
    client.send(say(crypto.randomUUID(), 'slide', [], { id: 'a' }))
    expect(await client.nextEvent('error')).toMatchObject({ event: { code: 'not_in_room', id: 'a' } })
    client.send(message(1))
    expect(await client.next()).toMatchObject({ role: 'owner' })
  })

  test('[B1] one that is too large costs it', async () => {
    const client = await Client.connect()
    client.send('x'.repeat(MESSAGE_BYTES + 1))
    expect(await client.next()).toMatchObject({ event: { code: 'message_too_large', limit: MESSAGE_BYTES } })
    expect(await client.closed()).toMatchObject({ code: 1009 })
  })

  test('[B1] so do too many that are wrong', async () => {
    const client = await Client.connect()
    for (let n = 0; n < 30; n++) client.send('{')
    expect(await client.closed()).toMatchObject({ code: 4503 })
  })

  test('[B2] [B4] so do answers that nobody may ever read', async () => {
    for (const said of [PING, JSON.stringify(say(crypto.randomUUID(), 'slide'))]) {
      const client = await Client.connect()
      client.stall()
      for (let n = 0; n < 1000; n++) client.send(said)
      expect(await client.closed()).toMatchObject({ code: 4503 })
      expect(client.unread).toBeLessThan(20_000)
    }
  })

  test('[J4] so does silence', async () => {
    const client = await Client.connect()
    expect(await client.closed()).toMatchObject({ code: 4000 })
    expect(client.received).toMatchObject([{ status: { value: 0 }, event: { code: 'handshake_timeout' } }])
  })

  test.each([
    ['an address that is no room', message(2, { uuid: crypto.randomUUID() }), '/rooms/nonsense/socket', 4500],
    ['a name that is no room', message(2, { uuid: 'nonsense' }), '/broadcasting', 4500],
    ['a key for no room', message(1, { uuid: 'nonsense', ownerKey: 'x' }), '/broadcasting', 4501],
  ])('[J2] %s', async (_, first, path, code) => {
    const client = await Client.connect(path)
    client.send(first)
    expect(await client.closed()).toMatchObject({ code })
    expect(client.received).toMatchObject([{ status: { value: 0 } }])
  })
})

describe('between a client and its room', () => {
  test('[B2] [B4] pings without end cost the line, since nobody is told whether the answers are read', async () => {
    const { client: owner, welcome } = await Client.enter(message(1))
    const { client, welcome: own } = await Client.enter(message(2, { uuid: welcome.uuid }))
    await owner.nextEvent('listeners')
    client.stall()
    for (let n = 0; n < 1000; n++) client.send(PING)
    expect(await client.closed()).toMatchObject({ code: 4503 })
    expect(client.unread).toBeLessThan(20_000)
    await owner.next(({ event }) => event?.type === 'listeners' && event.left.includes(own.clientId!))
  })

  test('what comes before the room is reached is kept, in its order', async () => {
    const { client: owner, welcome } = await Client.enter(message(1))
    const { uuid, ownerKey } = welcome
    const second = await Client.connect()
    second.send(message(1, { uuid, ownerKey }))
    for (let n = 1; n <= 20; n++) second.send(say(uuid, 'n', [n], { id: `${n}` }))
    for (let n = 1; n <= 20; n++) expect(await second.nextEvent('ack')).toMatchObject({ event: { id: `${n}` } })
    expect(await owner.closed()).toMatchObject({ code: 4502, reason: expect.stringContaining('taken back') })
  })

  test('more than may wait costs the line', async () => {
    const client = await Client.connect()
    client.send(message(1))
    for (let n = 0; n < 40; n++) client.send(say(crypto.randomUUID(), 'n'))
    expect(await client.closed()).toMatchObject({ code: 4503 })
  })

  test.each([
    ['one that is too large', ['x'.repeat(MESSAGE_BYTES + 1)], 1009],
    ['many that are large', Array(10).fill('x'.repeat(MESSAGE_BYTES)), 4503],
    ['many that are large, and no text', Array(10).fill(new ArrayBuffer(MESSAGE_BYTES)), 4503],
  ])('[J4] [B1] [B2] so does %s', async (_, waiting, code) => {
    const far = Promise.withResolvers<Response>()
    const { 0: near, 1: served } = new WebSocketPair()
    served.accept()
    const limits = { messageBytes: MESSAGE_BYTES, handshake: 10_000 }
    new Pipe(served, { limits, mint: () => crypto.randomUUID(), connect: () => far.promise }, undefined)
    const client = new Client(near)
    client.send(message(1))
    for (const data of waiting) {
      if (typeof data === 'string') client.send(data)
      else client.sendBinary(data)
    }
    expect(await client.closed()).toMatchObject({ code })
  })

  test('a client that goes is gone for its room', async () => {
    const { client: owner, welcome } = await Client.enter(message(1))
    for (const code of [1000, 4321]) {
      const { client, welcome: own } = await Client.enter(message(2, { uuid: welcome.uuid }))
      await owner.nextEvent('listeners')
      client.close(code)
      expect(await owner.nextEvent('listeners')).toMatchObject({ event: { left: [own.clientId] } })
    }
  })

  test('an object that is gone without a word: come again', async () => {
    const { client } = await Client.enter(message(1))
    await abortAllDurableObjects()
    expect((await client.closed()).code).toBe(1012)
  })

  test('[B1] the room has the say from then on', async () => {
    const { client, welcome } = await Client.enter(message(1))
    client.sendBinary(new ArrayBuffer(3))
    expect(await client.nextEvent('error')).toMatchObject({ event: { code: 'binary_message' } })
    client.send(say(welcome.uuid, 'slide', ['x'.repeat(MESSAGE_BYTES)]))
    expect(await client.closed()).toMatchObject({ code: 1009 })
  })
})
