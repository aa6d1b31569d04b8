import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Bystander } from '../support/bystander.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { joinRoom, type Message, message, openRoom, say, TestSocket } from '../support/socket.ts'

const NOWHERE = '00000000-0000-4000-8000-000000000000'

let server: TestServer
let bystander: Bystander

beforeAll(async () => {
  server = await startTestServer()
  bystander = await Bystander.enter(server.url)
})

afterEach(() => bystander.isUndisturbed())

afterAll(() => server.stop())

async function roomOf(listeners: number) {
  const { owner, uuid } = await openRoom(server.url)
  const members = []
  for (let i = 0; i < listeners; i++) members.push(await joinRoom(server.url, uuid))
  return { owner, uuid, listeners: members.map(({ listener }) => listener), welcomes: members.map((m) => m.welcome) }
}

/** Everybody in the room hears what comes next, under the seq that shows how many were taken before. */
async function isNext(seq: number, { owner, uuid, listeners }: Awaited<ReturnType<typeof roomOf>>): Promise<void> {
  owner.send(say(uuid, 'good'))
  for (const listener of listeners) expect(await listener.next()).toMatchObject({ funcKey: 'good', seq })
}

function isGoodbye({ status }: Message): boolean {
  return status.value === 0
}

describe('[B1] [C5] requests out of place', () => {
  test.each([
    ['a broadcast', say(NOWHERE, 'early')],
    ['a broadcast into a room that is there', say('bystander', 'early')],
    ['closing', message(4, { uuid: 'bystander' })],
  ])('%s before joining', async (_, request) => {
    const socket = await TestSocket.connect(`${server.url}/broadcasting`)
    socket.send(request.uuid === 'bystander' ? { ...request, uuid: bystander.uuid } : request)
    expect((await socket.next()).event).toMatchObject({ type: 'error', code: 'not_in_room', field: 'status.value' })
    socket.send(message(1))
    expect(await socket.next()).toMatchObject({ role: 'owner' })
  })

  test.each([
    ['opening, then opening', 'owner', 1, ''],
    ['opening, then joining the same', 'owner', 2, 'own'],
    ['opening, then joining another', 'owner', 2, 'bystander'],
    ['joining, then joining the same', 'listener', 2, 'own'],
    ['joining, then joining another', 'listener', 2, 'bystander'],
    ['joining, then opening', 'listener', 1, ''],
  ])('%s', async (_, who, status, where) => {
    const room = await roomOf(1)
    const socket = who === 'owner' ? room.owner : room.listeners[0]!
    socket.send(message(status, { uuid: where === 'own' ? room.uuid : where === '' ? '' : bystander.uuid }))
    expect((await socket.nextEvent('error')).event).toMatchObject({ code: 'already_in_room', field: 'status.value' })
    await isNext(1, room)
  })

  test('joining, then taking the room back on the same line', async () => {
    const { owner, uuid, ownerKey } = await openRoom(server.url)
    const { listener } = await joinRoom(server.url, uuid)
    listener.send(message(1, { uuid, ownerKey }))
    expect((await listener.nextEvent('error')).event).toMatchObject({ code: 'already_in_room' })
    await isNext(1, { owner, uuid, listeners: [listener], welcomes: [] })
  })

  test.each([
    ['a broadcast', 'owner', 3],
    ['closing', 'owner', 4],
    ['feedback', 'listener', 3],
    ['leaving', 'listener', 4],
  ])('[B2] %s of another room: by its %s', async (_, who, status) => {
    const room = await roomOf(1)
    const socket = who === 'owner' ? room.owner : room.listeners[0]!
    for (const uuid of [bystander.uuid, NOWHERE, '']) {
      socket.send(message(status, { uuid, funcKey: 'astray', id: 'mine' }))
      expect((await socket.nextEvent('error')).event).toMatchObject({ code: 'wrong_room', field: 'uuid' })
    }
    await isNext(1, room)
  })

  test.each([
    ['unknown clients', ['nobody'], 'to.0'],
    ['one known, one unknown', ['known', 'nobody'], 'to.1'],
    ['keys of the prototype', ['__proto__'], 'to.0'],
  ])('[C5] to %s: refused as a whole', async (_, to, place) => {
    const room = await roomOf(1)
    const clients = to.map((id) => (id === 'known' ? room.welcomes[0]!.clientId : id))
    room.owner.send(say(room.uuid, 'whisper', [], { to: clients, id: 'w' }))
    expect((await room.owner.nextEvent('error')).event).toMatchObject({
      code: 'unknown_client',
      field: 'to',
      message: expect.stringContaining(place),
      id: 'w',
    })
    await isNext(1, room)
  })

  test('[B2] to a client of another room', async () => {
    const room = await roomOf(1)
    const { listener, welcome } = await joinRoom(server.url, bystander.uuid)
    room.owner.send(say(room.uuid, 'whisper', [], { to: [welcome.clientId] }))
    expect((await room.owner.nextEvent('error')).event).toMatchObject({ code: 'unknown_client', field: 'to' })
    listener.close()
    await isNext(1, room)
  })
})

describe('[J2] a room that is not there', () => {
  test.each([
    ['unknown', NOWHERE],
    ['empty', ''],
    ['malformed', 'no-uuid'],
    ['a path', '../../etc/passwd'],
    ['a uuid and more', `${NOWHERE}\n`],
    ['a key of the prototype', '__proto__'],
  ])('%s: status 0 with a reason, then the close', async (_, uuid) => {
    const { listener, welcome } = await joinRoom(server.url, uuid)
    expect(welcome).toMatchObject({ status: { value: 0 }, event: { code: 'room_not_found', field: 'uuid' } })
    expect(welcome.status.text).not.toBe('')
    expect(await listener.closed()).toMatchObject({ code: 4500 })
  })

  test.each([
    ['another room', 'bystander', 'own'],
    ['a room, at the address of none', 'bystander', NOWHERE],
    ['a room, at an address that is no uuid', 'bystander', '%00'],
    ['none, at the address of a room', NOWHERE, 'own'],
  ])('the address of one room and the message of another: %s', async (_, joined, address) => {
    const room = await roomOf(1)
    const path = `/rooms/${address === 'own' ? room.uuid : address}/socket`
    const socket = await TestSocket.connect(server.url + path)
    socket.send(message(2, { uuid: joined === 'bystander' ? bystander.uuid : joined }))
    expect(await socket.next()).toMatchObject({
      status: { value: 0 },
      event: { code: 'room_not_found', field: 'uuid' },
    })
    expect(await socket.closed()).toMatchObject({ code: 4500 })
    await isNext(1, room)
  })

  test('the owner key of one room does not take back another', async () => {
    const { ownerKey } = await openRoom(server.url)
    const socket = await TestSocket.connect(`${server.url}/broadcasting`)
    socket.send(message(1, { uuid: bystander.uuid, ownerKey }))
    expect(await socket.next()).toMatchObject({ status: { value: 0 }, event: { code: 'take_back_refused' } })
    expect(await socket.closed()).toMatchObject({ code: 4501 })
  })
})

describe('[C1] only the owner broadcasts and closes', () => {
  test('what a listener says goes to the owner alone, even with all that a broadcast may carry', async () => {
    const room = await roomOf(2)
    const { owner, uuid, listeners, welcomes } = room
    const extras = {
      stateMessage: true,
      retain: 'append',
      to: 'all',
      seq: 99,
      replay: true,
      from: 'somebody',
      event: {},
    }
    listeners[0]!.send(say(uuid, 'shout', [1], extras))
    const heard = await owner.nextBroadcast()
    expect(heard).toMatchObject({ funcKey: 'shout', funcParams: [1], stateMessage: false, from: welcomes[0]!.clientId })
    for (const field of ['seq', 'replay', 'to', 'retain', 'event']) expect(heard).not.toHaveProperty(field)
    await isNext(1, room)
    const { welcome: late } = await joinRoom(server.url, uuid)
    expect(late).toMatchObject({ replay: 0, position: { seq: 1 } })
  })

  test('a listener that closes leaves, and the room lives', async () => {
    const room = await roomOf(2)
    const [leaver] = room.listeners.splice(0, 1)
    leaver!.send(message(4, { uuid: room.uuid }))
    expect((await leaver!.next(isGoodbye)).event).toMatchObject({ code: 'left' })
    expect(await leaver!.closed()).toMatchObject({ code: 1000 })
    await isNext(1, room)
  })
})
