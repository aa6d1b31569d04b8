import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { PING } from '../../src/protocol/routes.ts'
import type { TestClient } from '../support/client.ts'
import { type Message, message, say } from '../support/messages.ts'
import { SUITE_SETTINGS } from './protocol-settings.ts'

/** A running roomcast, with `SUITE_VARIABLES`, and the way to it from where the suite runs. */
export interface ServerUnderTest {
  /** A client whose handshake is over. */
  connect(path: string): Promise<TestClient>
  /** A plain HTTP request. */
  fetch(path: string, init?: { method: string }): Promise<Response>
  stop(): Promise<void>
}

const state = { stateMessage: true }

/** The one suite over the wire, for every runtime, log and set-up. */
export function testProtocol(name: string, start: () => Promise<ServerUnderTest>): void {
  describe(`the protocol over the wire: ${name}`, () => {
    let server: ServerUnderTest
    let sockets: TestClient[] = []

    beforeAll(async () => {
      server = await start()
    }, 60_000)
    afterAll(() => server.stop())
    afterEach(() => {
      for (const socket of sockets) socket.close()
      sockets = []
    })

    async function connect(path = '/broadcasting'): Promise<TestClient> {
      const socket = await server.connect(path)
      sockets.push(socket)
      return socket
    }

    async function enter(first: object, path?: string): Promise<{ socket: TestClient; welcome: Message }> {
      const socket = await connect(path)
      socket.send(first)
      return { socket, welcome: await socket.next() }
    }

    const open = () => enter(message(1, { can: ['feedback'] }))
    const join = (uuid: string, fields: object = {}) => enter(message(2, { uuid, ...fields }))
    const take = async (socket: TestClient, count: number) => {
      const taken: Message[] = []
      while (taken.length < count) taken.push(await socket.nextBroadcast())
      return taken
    }
    const acked = async (owner: TestClient, said: object) => {
      owner.send({ ...said, id: 'acked' })
      return owner.next(({ event }) => event?.type === 'ack' || event?.type === 'error')
    }

    describe('opening and joining', () => {
      test('[O1] [J3] opening', async () => {
        const { welcome } = await open()
        expect(welcome).toMatchObject({ status: { value: 3 }, funcKey: '', role: 'owner', replay: 0, recovered: false })
        expect(welcome.uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
        expect(welcome.ownerKey!.length).toBeGreaterThanOrEqual(32)
        expect(welcome.limits).toMatchObject({ stateEntries: SUITE_SETTINGS.stateEntries })
      })

      test('[J1] [R2] [R4] a late joiner gets the welcome, the state, then the live broadcasts', async () => {
        const { socket: owner, welcome } = await open()
        const { uuid } = welcome
        owner.send(say(uuid, 'slide', [1], state))
        owner.send(say(uuid, 'pointer', [1, 2]))
        await acked(owner, say(uuid, 'slide', [2], state))
        const late = await join(uuid)
        expect(late.welcome).toMatchObject({ funcKey: '', role: 'listener', replay: 1, position: { seq: 3 } })
        owner.send(say(uuid, 'pointer', [3, 4]))
        expect(await take(late.socket, 2)).toMatchObject([
          { funcKey: 'slide', funcParams: [2], seq: 3, replay: true },
          { funcKey: 'pointer', funcParams: [3, 4], seq: 4 },
        ])
      })

      test('[J1] the address of one room', async () => {
        const { welcome } = await open()
        const { uuid } = welcome
        const listener = await enter(message(2, { uuid }), `/rooms/${uuid}/socket`)
        expect(listener.welcome).toMatchObject({ uuid, role: 'listener' })
        const elsewhere = await enter(message(2, { uuid }), '/rooms/00000000-0000-4000-8000-000000000000/socket')
        expect(elsewhere.welcome).toMatchObject({ status: { value: 0 } })
      })

      test('[O1] the address of one room opens no other', async () => {
        const { welcome } = await open()
        const { welcome: answer } = await enter(message(1), `/rooms/${welcome.uuid}/socket`)
        expect(answer).toMatchObject({ event: { type: 'error', code: 'wrong_room' } })
      })

      test('[O1] [O2] [E2] opening with no socket: the owner takes it, or it is over after the grace time', async () => {
        const rooms = []
        for (let n = 0; n < 2; n++) {
          const answer = await server.fetch('/rooms', { method: 'POST' })
          expect(answer.status).toBe(201)
          rooms.push((await answer.json()) as { uuid: string; ownerKey: string })
        }
        const [one, other] = rooms as [(typeof rooms)[0], (typeof rooms)[0]]
        const { welcome } = await enter(message(1, one), `/rooms/${one.uuid}/socket`)
        expect(welcome).toMatchObject({ uuid: one.uuid, role: 'owner', position: { seq: 0 } })
        const { socket: listener } = await join(other.uuid)
        expect(await listener.next(({ status }) => status.value === 0)).toMatchObject({
          event: { code: 'room_abandoned' },
        })
        expect((await join(one.uuid)).welcome).toMatchObject({ role: 'listener' })
      })

      test.each(['00000000-0000-4000-8000-000000000000', 'room', ''])('[J2] joining %j is refused', async (uuid) => {
        const { socket, welcome } = await join(uuid)
        expect(welcome).toMatchObject({ status: { value: 0 }, event: { type: 'error', code: 'room_not_found' } })
        expect(await socket.closed()).toMatchObject({ code: 4500 })
      })
    })

    describe('broadcasting', () => {
      test('[C2] everyone gets the same, in the same order', async () => {
        const { socket: owner, welcome } = await open()
        const listeners = await Promise.all(Array.from({ length: 6 }, () => join(welcome.uuid)))
        for (let n = 1; n <= 200; n++) owner.send(say(welcome.uuid, 'n', [n]))
        for (const { socket } of listeners) {
          const got = await take(socket, 200)
          expect(got.map(({ seq }) => seq)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
          expect(got.map(({ funcParams }) => funcParams[0])).toEqual(Array.from({ length: 200 }, (_, i) => i + 1))
        }
      })

      test('[C1] an owner that has not said that it takes feedback gets none, and the listener is told', async () => {
        const { socket: owner, welcome } = await enter(message(1))
        const { uuid } = welcome
        const { socket: listener } = await join(uuid, { can: ['feedback'] })
        // Far more than are forgiven: it is no fault of who asks.
        for (let n = 1; n <= 30; n++) listener.send(say(uuid, 'color', ['evil'], { ...state, id: `${n}` }))
        for (let n = 1; n <= 30; n++) {
          const { event } = await listener.nextEvent('error')
          expect(event).toMatchObject({ code: 'feedback_unsupported', id: `${n}` })
        }
        owner.send(say(uuid, 'own', [], { to: 'all' }))
        expect(await owner.nextBroadcast()).toMatchObject({ funcKey: 'own' })
        expect(await listener.nextBroadcast()).toMatchObject({ funcKey: 'own', seq: 1 })
      })

      test('[C1] [O2] an owner that comes back with another client: what that one can is what counts', async () => {
        const { socket: first, welcome } = await open()
        const { uuid, ownerKey } = welcome
        const { socket: listener } = await join(uuid)
        listener.send(say(uuid, 'clap', [1], { id: '1' }))
        expect(await first.nextBroadcast()).toMatchObject({ funcParams: [1] })
        const { socket: second } = await enter(message(1, { uuid, ownerKey }))
        listener.send(say(uuid, 'clap', [2], { id: '2' }))
        expect((await listener.nextEvent('error')).event).toMatchObject({ code: 'feedback_unsupported', id: '2' })
        const { socket: third } = await enter(message(1, { uuid, ownerKey, can: ['feedback'] }))
        listener.send(say(uuid, 'clap', [3], { id: '3' }))
        expect(await third.nextBroadcast()).toMatchObject({ funcParams: [3], from: expect.any(String) })
        expect(second.received.some(({ funcKey }) => funcKey === 'clap')).toBe(false)
      })

      test('[C1] [C5] feedback reaches the owner alone', async () => {
        const { socket: owner, welcome } = await open()
        const { uuid } = welcome
        const [one, two] = [await join(uuid), await join(uuid)]
        one.socket.send(say(uuid, 'slide', [9], state))
        expect(await owner.nextBroadcast()).toMatchObject({
          funcKey: 'slide',
          funcParams: [9],
          from: one.welcome.clientId,
        })
        owner.send(say(uuid, 'after', []))
        expect((await take(two.socket, 1))[0]).toMatchObject({ funcKey: 'after', seq: 1 })
        expect((await join(uuid)).welcome.replay).toBe(0)
      })

      test('[C1] feedback of more bytes than a listener may send is refused, with when it may', async () => {
        const { socket: owner, welcome } = await open()
        const { uuid } = welcome
        const { socket: listener } = await join(uuid)
        for (let n = 1; n <= 6; n++) listener.send(say(uuid, 'essay', ['x'.repeat(60_000)], { id: `${n}` }))
        const { event } = await listener.nextEvent('error')
        expect(event).toMatchObject({ code: 'rate_limited', retryAfter: expect.any(Number) })
        expect(await acked(owner, say(uuid, 'n', [1]))).toMatchObject({ event: { type: 'ack' } })
        await new Promise((resolve) => setTimeout(resolve, (event as { retryAfter: number }).retryAfter + 100))
        listener.send(say(uuid, 'clap'))
        await owner.next(({ funcKey }) => funcKey === 'clap')
      })

      test('[C6] [C5] what is over the rate of a room is refused, with when it may be said; the rest is as if it had not been', async () => {
        const { socket: owner, welcome } = await open()
        const { uuid } = welcome
        const { socket: listener } = await join(uuid)
        // What is taken stays below what a listener's line takes at once: none of it is caught up by its state (R6, R7).
        const text = 'x'.repeat(10_000)
        const atOnce = Math.floor(SUITE_SETTINGS.broadcastBytes / text.length)
        const count = 4 * atOnce
        for (let n = 1; n <= count; n++) owner.send(say(uuid, 'n', [n, text], { id: `${n}` }))
        const answers: Message[] = []
        while (answers.length < count) {
          answers.push(await owner.next(({ event }) => event?.type === 'ack' || event?.type === 'error'))
        }
        const events = answers.map(
          ({ event }) => event as { type: string; id: string; code?: string; retryAfter?: number },
        )
        const taken = events.filter(({ type }) => type === 'ack').map(({ id }) => Number(id))
        const refused = events.filter(({ type }) => type === 'error')
        expect(taken.length).toBeGreaterThanOrEqual(atOnce)
        expect(new Set(refused.map(({ code }) => code))).toEqual(new Set(['rate_limited']))
        const heard = await take(listener, taken.length)
        expect(heard.map(({ funcParams, seq }) => [funcParams[0], seq])).toEqual(taken.map((n, i) => [n, i + 1]))
        await new Promise((resolve) => setTimeout(resolve, refused[0]!.retryAfter))
        const { event } = await acked(owner, say(uuid, 'after', []))
        expect(event).toMatchObject({ type: 'ack', position: { seq: taken.length + 1 } })
      })

      test('[C3] acknowledged, and not twice', async () => {
        const { socket: owner, welcome } = await open()
        const { uuid } = welcome
        const { socket: listener } = await join(uuid)
        expect(await acked(owner, say(uuid, 'n', [1]))).toMatchObject({ event: { type: 'ack', position: { seq: 1 } } })
        expect(await acked(owner, say(uuid, 'n', [1]))).toMatchObject({ event: { type: 'ack', position: { seq: 1 } } })
        owner.send(say(uuid, 'n', [2]))
        expect((await take(listener, 2)).map(({ seq }) => seq)).toEqual([1, 2])
      })

      test('[C4] to all, to oneself, to some', async () => {
        const { socket: owner, welcome } = await open()
        const { uuid } = welcome
        const [one, two] = [await join(uuid), await join(uuid)]
        owner.send(say(uuid, 'all', [], { to: 'all' }))
        owner.send(say(uuid, 'self', [], { to: 'self' }))
        owner.send(say(uuid, 'some', [], { to: Array(1000).fill(two.welcome.clientId) }))
        owner.send(say(uuid, 'others', []))
        const keys = (messages: Message[]) => messages.map(({ funcKey }) => funcKey).sort()
        expect(keys(await take(owner, 2))).toEqual(['all', 'self'])
        expect(keys(await take(one.socket, 2))).toEqual(['all', 'others'])
        // Named a thousand times, it hears it once.
        expect(keys(await take(two.socket, 3))).toEqual(['all', 'others', 'some'])
        const refused = await acked(owner, say(uuid, 'some', [], { ...state, to: [two.welcome.clientId] }))
        expect(refused).toMatchObject({ event: { type: 'error', code: 'bad_message', field: 'to' } })
      })
    })

    describe('state', () => {
      test('[R1] latest, append, clear, keys', async () => {
        const { socket: owner, welcome } = await open()
        const { uuid } = welcome
        const append = { ...state, retain: 'append' }
        owner.send(say(uuid, 'ink', [1], append))
        owner.send(say(uuid, 'ink', [2], { ...append, stateKey: 'other' }))
        owner.send(say(uuid, 'ink', [3], append))
        owner.send(say(uuid, 'ink', [], { ...state, retain: 'clear', stateKey: 'other' }))
        owner.send(say(uuid, 'slide', [1], state))
        await acked(owner, say(uuid, 'slide', [2], state))
        const late = await join(uuid)
        expect(late.welcome.replay).toBe(3)
        expect((await take(late.socket, 3)).map(({ funcKey, funcParams }) => [funcKey, ...funcParams])).toEqual([
          ['ink', 1],
          ['ink', 3],
          ['slide', 2],
        ])
      })

      test('[R3] [C5] over the cap', async () => {
        const { socket: owner, welcome } = await open()
        const { uuid } = welcome
        for (let n = 0; n < SUITE_SETTINGS.stateEntries; n++) owner.send(say(uuid, `k${n}`, [], state))
        expect(await acked(owner, say(uuid, 'one more', [], state))).toMatchObject({
          event: { type: 'error', code: 'state_full', limit: SUITE_SETTINGS.stateEntries },
        })
        expect((await join(uuid)).welcome).toMatchObject({
          replay: SUITE_SETTINGS.stateEntries,
          position: { seq: SUITE_SETTINGS.stateEntries },
        })
      })

      test('[R5] coming back with a place, and with none that is known', async () => {
        const { socket: owner, welcome } = await open()
        const { uuid } = welcome
        owner.send(say(uuid, 'a', [1], state))
        owner.send(say(uuid, 'b', [2]))
        await acked(owner, say(uuid, 'c', [3]))
        const { epoch } = welcome.position!
        const back = await join(uuid, { since: { epoch, seq: 1 } })
        expect(back.welcome).toMatchObject({ recovered: true, replay: 2, position: { epoch, seq: 3 } })
        expect((await take(back.socket, 2)).map(({ seq }) => seq)).toEqual([2, 3])
        const stranger = await join(uuid, { since: { epoch: 'other', seq: 1 } })
        expect(stranger.welcome).toMatchObject({ recovered: false, replay: 1 })
      })
    })

    describe('owners', () => {
      test('[O2] [O3] taking back displaces the old owner', async () => {
        const first = await open()
        const { uuid, ownerKey } = first.welcome
        await acked(first.socket, say(uuid, 'slide', [1], state))
        const listener = await join(uuid)
        const second = await enter(message(1, { uuid, ownerKey }))
        expect(second.welcome).toMatchObject({ uuid, role: 'owner', replay: 1 })
        expect(second.welcome.ownerKey).toBeUndefined()
        expect(await first.socket.closed()).toMatchObject({ code: 4502 })
        second.socket.send(say(uuid, 'slide', [2], state))
        expect(await take(listener.socket, 2)).toMatchObject([{ funcParams: [1] }, { funcParams: [2], seq: 2 }])
      })

      test('[O3] of owners that come at once the last one is in, and each other is told that it is displaced', async () => {
        const { welcome } = await open()
        const { uuid, ownerKey } = welcome
        const listener = await join(uuid)
        const owners = await Promise.all(Array.from({ length: 5 }, () => connect()))
        for (const owner of owners) owner.send(message(1, { uuid, ownerKey }))
        const firsts = await Promise.all(owners.map((owner) => owner.next()))
        for (const { status, event } of firsts)
          if (status.value !== 3) expect(event).toMatchObject({ code: 'displaced' })
        const isIn = (owner: TestClient) =>
          acked(owner, say(uuid, 'mine')).then(
            ({ event }) => event?.type === 'ack',
            () => false,
          )
        const areIn = await Promise.all(owners.map(isIn))
        expect(areIn.filter((is) => is)).toHaveLength(1)
        for (const [i, owner] of owners.entries()) {
          if (!areIn[i]) expect(await owner.closed()).toMatchObject({ code: 4502 })
        }
        expect((await take(listener.socket, 1))[0]).toMatchObject({ funcKey: 'mine', seq: 1 })
      })

      test('[O2] a wrong key and an unknown room get the same answer', async () => {
        const { welcome } = await open()
        const wrong = await enter(message(1, { uuid: welcome.uuid, ownerKey: 'wrong' }))
        const unknown = await enter(
          message(1, { uuid: welcome.uuid.replace(/^.{8}/, '00000000'), ownerKey: welcome.ownerKey }),
        )
        expect(wrong.welcome).toEqual(unknown.welcome)
        expect(await wrong.socket.closed()).toEqual(await unknown.socket.closed())
      })
    })

    describe('handing over', () => {
      test('[O3] the named listener takes the room with the key that it is sent; the old owner listens', async () => {
        const first = await open()
        const { uuid, ownerKey } = first.welcome
        const [heir, other] = [await join(uuid), await join(uuid)]
        first.socket.send(message(3, { uuid, handover: heir.welcome.clientId, id: 'offer' }))
        expect(await first.socket.nextEvent('ack')).toMatchObject({ event: { id: 'offer' } })
        const offer = (await heir.socket.nextEvent('handover')).event as unknown as { ownerKey: string }
        const second = await enter(message(1, { uuid, ownerKey: offer.ownerKey, can: ['feedback'] }))
        expect(second.welcome).toMatchObject({ role: 'owner', ownerKey: expect.any(String) })
        expect(await first.socket.nextEvent('role')).toMatchObject({ event: { role: 'listener' } })
        expect(await other.socket.nextEvent('owner')).toMatchObject({ event: { here: true, handedOver: true } })
        second.socket.send(say(uuid, 'slide', [2], state))
        for (const socket of [first.socket, other.socket]) {
          expect(await socket.nextBroadcast()).toMatchObject({ funcKey: 'slide', seq: 1 })
        }
        first.socket.send(say(uuid, 'question', []))
        expect(await second.socket.nextBroadcast()).toMatchObject({ funcKey: 'question', from: first.welcome.clientId })
        for (const key of [offer.ownerKey, ownerKey]) {
          expect((await enter(message(1, { uuid, ownerKey: key }))).welcome).toMatchObject({
            event: { code: 'take_back_refused' },
          })
        }
        const third = await enter(message(1, { uuid, ownerKey: second.welcome.ownerKey }))
        expect(third.welcome).toMatchObject({ role: 'owner' })
      })

      test('[O3] an heir whose welcome is lost comes again with the same key, and gets another of its own', async () => {
        const { socket: owner, welcome } = await open()
        const { uuid } = welcome
        const heir = await join(uuid)
        owner.send(message(3, { uuid, handover: heir.welcome.clientId }))
        const offer = (await heir.socket.nextEvent('handover')).event as unknown as { ownerKey: string }
        const lost = await enter(message(1, { uuid, ownerKey: offer.ownerKey }))
        expect(await owner.nextEvent('role')).toMatchObject({ event: { role: 'listener' } })
        const again = await enter(message(1, { uuid, ownerKey: offer.ownerKey }))
        expect(again.welcome).toMatchObject({ role: 'owner', ownerKey: expect.any(String) })
        expect(await lost.socket.closed()).toMatchObject({ code: 4502 })
        const refused = async (ownerKey: string | undefined) =>
          expect((await enter(message(1, { uuid, ownerKey }))).welcome).toMatchObject({
            event: { code: 'take_back_refused' },
          })
        await refused(lost.welcome.ownerKey)
        expect(await acked(again.socket, say(uuid, 'mine'))).toMatchObject({ event: { type: 'ack' } })
        await refused(offer.ownerKey)
        const back = await enter(message(1, { uuid, ownerKey: again.welcome.ownerKey }))
        expect(back.welcome).toMatchObject({ role: 'owner' })
        expect(back.welcome.ownerKey).toBeUndefined()
      })

      test('[C1] only the owner hands over, and only to a listener', async () => {
        const { socket: owner, welcome } = await open()
        const { uuid } = welcome
        const one = await join(uuid)
        owner.send(message(3, { uuid, handover: 'nobody' }))
        expect(await owner.nextEvent('error')).toMatchObject({ event: { code: 'unknown_client', field: 'handover' } })
        one.socket.send(message(3, { uuid, handover: one.welcome.clientId }))
        expect(await one.socket.nextEvent('error')).toMatchObject({ event: { code: 'not_owner' } })
      })
    })

    describe('ending', () => {
      test('[E1] closing', async () => {
        const { socket: owner, welcome } = await open()
        const { uuid } = welcome
        const listeners = [await join(uuid), await join(uuid)]
        owner.send(message(4, { uuid }))
        for (const socket of [owner, ...listeners.map(({ socket }) => socket)]) {
          expect(await socket.next(({ status }) => status.value === 0)).toMatchObject({
            uuid,
            event: { code: 'room_closed' },
          })
          expect(await socket.closed()).toMatchObject({ code: 1000 })
        }
        expect((await join(uuid)).welcome).toMatchObject({ status: { value: 0 } })
      })

      test('[E2] an owner that drops and does not come back', async () => {
        const { socket: owner, welcome } = await open()
        const { uuid } = welcome
        const { socket: listener } = await join(uuid)
        owner.close()
        expect(await listener.nextEvent('owner')).toMatchObject({ uuid, event: { here: false } })
        expect((await join(uuid)).welcome).toMatchObject({ role: 'listener' })
        expect(await listener.next(({ status }) => status.value === 0)).toMatchObject({
          event: { code: 'room_abandoned' },
        })
        expect(await listener.closed()).toMatchObject({ code: 1000 })
      })

      test('[E2] an owner that drops and comes back in time', async () => {
        const { socket: owner, welcome } = await open()
        const { uuid, ownerKey } = welcome
        const { socket: listener } = await join(uuid)
        owner.close()
        await listener.nextEvent('owner')
        const back = await enter(message(1, { uuid, ownerKey }))
        expect(await listener.nextEvent('owner')).toMatchObject({ event: { here: true } })
        expect(back.welcome.role).toBe('owner')
      })
    })

    describe('bad input', () => {
      test('[B1] an error names the field and the limit, and the connection lives', async () => {
        const { socket: owner, welcome } = await open()
        owner.send('{')
        expect(await owner.nextEvent('error')).toMatchObject({ event: { code: 'bad_json' } })
        owner.send(say(welcome.uuid, 'x'.repeat(129)))
        expect(await owner.nextEvent('error')).toMatchObject({
          event: { code: 'bad_message', field: 'funcKey', limit: 128 },
        })
        expect(await acked(owner, say(welcome.uuid, 'fine'))).toMatchObject({ event: { type: 'ack' } })
      })

      test('[B1] a message over the limit costs the connection', async () => {
        const { socket: owner, welcome } = await open()
        owner.send(say(welcome.uuid, 'x', ['x'.repeat(welcome.limits!.messageBytes)]))
        expect(await owner.next(({ status }) => status.value === 0)).toMatchObject({
          event: { code: 'message_too_large', limit: welcome.limits!.messageBytes },
        })
        expect(await owner.closed()).toMatchObject({ code: 1009 })
      })

      test('[B1] [B2] [C5] a message of the limit is taken; one that the server would write longer is refused', async () => {
        const { socket: owner, welcome } = await open()
        const { uuid } = welcome
        const { messageBytes } = welcome.limits!
        const one = await join(uuid)
        // JSON allows 1e20; written anew it has 21 digits.
        const grows = (fields: object) => {
          const frame = JSON.stringify(say(uuid, 'grows', ['numbers'], { id: 'grows', ...fields }))
          const numbers = Array(Math.floor((messageBytes - frame.length) / 5)).fill('1e20')
          return frame.replace('"numbers"', `[${numbers.join()}]`)
        }
        const senders: [TestClient, object][] = [
          [owner, {}],
          [owner, state],
          [owner, { to: 'self' }],
          [one.socket, {}],
        ]
        for (const [socket, fields] of senders) {
          socket.send(grows(fields))
          expect(await socket.next(({ event }) => event?.type === 'error' || event?.type === 'ack')).toMatchObject({
            event: { code: 'bad_message', field: 'funcParams', limit: messageBytes, id: 'grows' },
          })
        }
        const frame = JSON.stringify(say(uuid, 'fits', [''], state))
        owner.send(say(uuid, 'fits', ['x'.repeat(messageBytes - frame.length)], state))
        expect(await one.socket.nextBroadcast()).toMatchObject({ funcKey: 'fits', seq: 1 })
        expect(owner.received.some(({ funcKey }) => funcKey === 'grows')).toBe(false)
      })
    })

    test('[B4] who reports without end is not heard, or cut off, and the owner is served all the while', async () => {
      const { socket: owner, welcome } = await open()
      const { uuid } = welcome
      const { socket: listener } = await join(uuid)
      for (let n = 0; n < 5000; n++) listener.send(message(3, { taken: 1 }))
      listener.send(say(uuid, 'after'))
      for (let n = 0; n < 20; n++) {
        expect(await acked(owner, say(uuid, 'n', [n], { to: 'self' }))).toMatchObject({ event: { type: 'ack' } })
      }
      expect(owner.received.some(({ funcKey }) => funcKey === 'after')).toBe(false)
    })

    test('a ping is answered, in a room or before', async () => {
      const socket = await connect()
      socket.send(PING)
      expect(await socket.nextEvent('pong')).toMatchObject({ status: { value: 5 } })
    })

    test('the owner hears who comes and goes', async () => {
      const { socket: owner, welcome } = await open()
      const one = await join(welcome.uuid)
      expect(await owner.nextEvent('listeners')).toMatchObject({ event: { count: 1, joined: [one.welcome.clientId] } })
      one.socket.close()
      expect(await owner.nextEvent('listeners')).toMatchObject({ event: { count: 0, left: [one.welcome.clientId] } })
    })

    test('an owner that comes back is told of nobody, when all have left meanwhile', async () => {
      const { socket: owner, welcome } = await open()
      const { uuid, ownerKey } = welcome
      const { socket: one } = await join(uuid)
      expect(await owner.nextEvent('listeners')).toMatchObject({ event: { count: 1 } })
      owner.close()
      await one.nextEvent('owner')
      one.send(message(4, { uuid }))
      await one.closed()
      const { socket: back } = await enter(message(1, { uuid, ownerKey }))
      expect(await back.nextEvent('listeners')).toMatchObject({ event: { count: 0, joined: [], left: [] } })
    })
  })
}
