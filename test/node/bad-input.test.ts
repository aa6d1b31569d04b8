import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Bystander } from '../support/bystander.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { joinRoom, message, openRoom, say, TestSocket } from '../support/socket.ts'

const MESSAGE_BYTES = 65_536

let server: TestServer
let bystander: Bystander

beforeAll(async () => {
  server = await startTestServer()
  bystander = await Bystander.enter(server.url)
})

afterEach(() => bystander.isUndisturbed())

afterAll(() => server.stop())

async function roomOfTwo() {
  const { owner, uuid } = await openRoom(server.url)
  const { listener } = await joinRoom(server.url, uuid)
  return { owner, listener, uuid }
}

/** The connection lives, and what was refused before has left no trace: not a seq, not a message (C5). */
async function isUnchanged({ owner, listener, uuid }: Awaited<ReturnType<typeof roomOfTwo>>): Promise<void> {
  owner.send(say(uuid, 'good', ['after']))
  expect(await listener.next()).toMatchObject({ funcKey: 'good', seq: 1 })
}

describe('[B1] [C5] what is not a message is answered and changes nothing', () => {
  test.each([
    ['words', 'hello'],
    ['nothing', ''],
    ['half a message', JSON.stringify(message(3)).slice(0, -9)],
    ['two messages', `${JSON.stringify(message(3))}\n${JSON.stringify(message(3))}`],
    ['NaN', '{"uuid":NaN}'],
    ['NUL', '\0'],
    ['an open bracket, 60,000 times', '['.repeat(60_000)],
  ])('not JSON: %s', async (_, text) => {
    const room = await roomOfTwo()
    room.owner.send(text)
    expect(await room.owner.nextEvent('error')).toMatchObject({
      status: { value: 5 },
      uuid: room.uuid,
      event: { code: 'bad_json', message: expect.stringContaining('JSON') },
    })
    await isUnchanged(room)
  })

  test.each(['null', '5', '"text"', 'true', '[]', '[{}]'])('JSON, and no object: %s', async (text) => {
    const room = await roomOfTwo()
    room.owner.send(text)
    const field = text.startsWith('[') ? expect.any(String) : 'message'
    expect((await room.owner.nextEvent('error')).event).toMatchObject({ code: 'bad_message', field })
    await isUnchanged(room)
  })

  test('a binary frame', async () => {
    const room = await roomOfTwo()
    room.owner.ws.send(Buffer.from(JSON.stringify(say(room.uuid, 'binary'))))
    expect((await room.owner.nextEvent('error')).event).toMatchObject({ code: 'binary_message' })
    await isUnchanged(room)
  })
})

const MISSING = undefined

/** What a good broadcast is spoilt with, the field that is to blame, and the limit where there is one. */
const SPOILT: [what: string, fields: object, field: string, limit?: number][] = [
  ...['uuid', 'status', 'funcKey', 'funcParams', 'stateMessage']
    .flatMap((field) =>
      [MISSING, null, [[]], { deep: {} }, 5].map((value): [string, object, string] => [
        `${field} ${JSON.stringify(value) ?? 'missing'}`,
        { [field]: value },
        // An object of another shape is to blame for what is in it.
        field === 'status' && typeof value === 'object' && value !== null ? 'status.value' : field,
      ]),
    )
    .filter(([what]) => what !== 'funcParams [[]]'),
  ...[MISSING, null, '3', 3.5, 0, 5, 99, -1, 1e300].map((value): [string, object, string] => [
    `status.value ${value}`,
    { status: { value, text: '' } },
    'status.value',
  ]),
  ['status.text missing', { status: { value: 3 } }, 'status.text'],
  ['status.text null', { status: { value: 3, text: null } }, 'status.text'],
  ['status.text too long', { status: { value: 3, text: 'x'.repeat(257) } }, 'status.text', 256],
  ['funcKey empty', { funcKey: '' }, 'funcKey'],
  ['funcKey too long', { funcKey: 'x'.repeat(129) }, 'funcKey', 128],
  ['funcParams an object with a length', { funcParams: { length: 1, 0: 1 } }, 'funcParams'],
  ['funcParams of too many items', { funcParams: Array(257).fill(0) }, 'funcParams', 256],
  ['funcParams too deep', { funcParams: nested(33) }, 'funcParams', 32],
  ['funcParams 10,000 levels deep', { funcParams: nested(10_000) }, 'funcParams', 32],
  ['funcParams too deep in objects', { funcParams: [{ a: { b: nested(30) } }] }, 'funcParams', 32],
  ['stateMessage text', { stateMessage: 'true' }, 'stateMessage'],
  ['id empty', { id: '' }, 'id'],
  ['id too long', { id: 'x'.repeat(65) }, 'id', 64],
  ['stateKey too long', { stateMessage: true, stateKey: 'x'.repeat(129) }, 'stateKey', 128],
  ['retain unknown', { stateMessage: true, retain: 'some' }, 'retain'],
  ['retain without state', { retain: 'append' }, 'retain'],
  ['to nobody', { to: [] }, 'to'],
  ['to a word', { to: 'everyone' }, 'to'],
  ['to numbers', { to: [1] }, 'to'],
  ['to too many', { to: Array(1001).fill('x') }, 'to', 1000],
  ['a state message to some', { stateMessage: true, to: ['x'] }, 'to'],
  ['a state message to oneself', { stateMessage: true, to: 'self' }, 'to'],
  ['ownerKey too long', { ownerKey: 'x'.repeat(129) }, 'ownerKey', 128],
  ['since of no place', { since: { epoch: 'x', seq: -1 } }, 'since.seq'],
]

function nested(levels: number): unknown[] {
  let value: unknown[] = []
  for (let i = 1; i < levels; i++) value = [value]
  return value
}

/** `JSON.stringify` recurses: it takes what is deep as text. */
function spoilt(uuid: string, fields: object): string {
  const { funcParams, ...rest } = say(uuid, 'bad', [1], fields)
  if (funcParams === undefined) return JSON.stringify(rest)
  const text = JSON.stringify({ ...rest, funcParams: 'HERE' })
  const depth = depthOf(funcParams)
  return text.replace('"HERE"', depth > 1000 ? '['.repeat(depth) + ']'.repeat(depth) : JSON.stringify(funcParams))
}

function depthOf(value: unknown): number {
  let depth = 0
  for (let inner = value; Array.isArray(inner); inner = inner[0]) depth++
  return depth
}

describe('[B1] [C5] an error names the field and the limit, and the connection lives', () => {
  test.each(SPOILT)('%s', async (_, fields, field, limit) => {
    const room = await roomOfTwo()
    room.owner.send(spoilt(room.uuid, fields))
    const { event } = await room.owner.nextEvent('error')
    expect(event).toMatchObject({ code: 'bad_message', field, message: expect.stringContaining(field) })
    expect(event).toMatchObject(limit === undefined ? {} : { limit, message: expect.stringContaining(String(limit)) })
    await isUnchanged(room)
  })

  test('the same before a room was joined', async () => {
    const socket = await TestSocket.connect(`${server.url}/broadcasting`)
    for (const value of [MISSING, null, 0, 5, 99]) {
      socket.send(message(1, { status: { value, text: '' } }))
      expect(await socket.next()).toMatchObject({ uuid: '', event: { type: 'error', field: 'status.value' } })
    }
    socket.send(message(1))
    expect(await socket.next()).toMatchObject({ status: { value: 3 }, role: 'owner' })
  })

  test('what is at its limit is no offence', async () => {
    const { owner, listener, uuid } = await roomOfTwo()
    const funcKey = 'k'.repeat(128)
    const funcParams = [nested(31), ...Array(255).fill(0)]
    owner.send(say(uuid, funcKey, funcParams, { status: { value: 3, text: 'x'.repeat(256) }, id: 'i'.repeat(64) }))
    expect(await listener.next()).toMatchObject({ seq: 1, funcKey, funcParams })
  })
})

describe('[B2] __proto__ is a key like others', () => {
  test.each([
    ['at the top', '{"__proto__":{"polluted":1,"funcKey":"x"},', '"funcKey":"fine"', '"funcParams":[]'],
    ['in the status', '{', '"funcKey":"fine"', '"funcParams":[]'],
    ['in a parameter', '{', '"funcKey":"fine"', '"funcParams":[{"__proto__":{"polluted":1}}]'],
    ['as an action', '{', '"funcKey":"__proto__"', '"funcParams":["constructor"]'],
  ])('%s', async (where, start, key, params) => {
    const { owner, listener, uuid } = await roomOfTwo()
    const status = `{"value":3,"text":""${where === 'in the status' ? ',"__proto__":{"polluted":1}' : ''}}`
    owner.send(`${start}"uuid":"${uuid}","status":${status},${key},${params},"stateMessage":true}`)
    const heard = await listener.next()
    expect(JSON.stringify(heard)).toContain(key)
    // A parameter is the application's own and goes as it came; the server's fields are five.
    expect(JSON.stringify(heard).includes('polluted')).toBe(where === 'in a parameter')
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
    const { listener: late } = await joinRoom(server.url, uuid)
    expect(JSON.stringify(await late.next())).toContain(params)
  })

  test('in place of the fields', async () => {
    const socket = await TestSocket.connect(`${server.url}/broadcasting`)
    socket.send(`{"__proto__":${JSON.stringify(message(1))}}`)
    expect((await socket.next()).event).toMatchObject({ type: 'error', field: 'uuid' })
  })
})

describe('[B1] [C5] size', () => {
  /** A broadcast of exactly so many bytes. */
  function sized(uuid: string, bytes: number): string {
    const empty = JSON.stringify(say(uuid, 'large', ['']))
    return JSON.stringify(say(uuid, 'large', ['x'.repeat(bytes - empty.length)]))
  }

  test('a message at the limit passes', async () => {
    const { owner, listener, uuid } = await roomOfTwo()
    owner.send(sized(uuid, MESSAGE_BYTES))
    expect(await listener.next()).toMatchObject({ funcKey: 'large', seq: 1 })
  })

  test('one just over it costs the connection, with a goodbye that names the limit', async () => {
    const { owner, listener, uuid } = await roomOfTwo()
    owner.send(sized(uuid, MESSAGE_BYTES + 1))
    expect(await owner.next(({ status }) => status.value === 0)).toMatchObject({
      event: { code: 'message_too_large', field: 'message', limit: MESSAGE_BYTES, message: /65536/ },
    })
    expect(await owner.closed()).toMatchObject({ code: 1009, reason: expect.stringContaining('65536') })
    expect(await listener.next()).toMatchObject({ event: { type: 'owner', here: false } })
  })

  test('one far over it costs the connection', async () => {
    const { owner, listener, uuid } = await roomOfTwo()
    owner.send(sized(uuid, 40 * MESSAGE_BYTES))
    expect(await owner.closed()).toMatchObject({ code: 1009 })
    expect(await listener.next()).toMatchObject({ event: { type: 'owner', here: false } })
  })

  test('characters of several bytes count as what they are on the wire', async () => {
    const { owner, uuid } = await roomOfTwo()
    owner.send(say(uuid, 'large', ['€'.repeat(MESSAGE_BYTES / 3)]))
    expect(await owner.closed()).toMatchObject({ code: 1009 })
  })

  test('[B2] ten thousand tiny fragments cost the connection', async () => {
    const { owner, listener, uuid } = await roomOfTwo()
    const text = JSON.stringify(say(uuid, 'tiny', ['x'.repeat(10_000)]))
    for (const character of text) owner.ws.send(character, { fin: false })
    owner.ws.send('', { fin: true })
    expect([1008, 1009]).toContain((await owner.closed()).code)
    expect(await listener.next()).toMatchObject({ event: { type: 'owner', here: false } })
  })
})
