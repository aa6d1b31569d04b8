import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { EndReason } from '../../src/protocol/codes.ts'
import type { Retain } from '../../src/protocol/messages.ts'
import { DEFAULT_LIMITS, type RoomLimits } from '../../src/room/limits.ts'
import type { Draft, Entry, Follower, Presence, RoomLog, Snapshot } from '../../src/room/ports.ts'

export const CONTRACT_LIMITS: RoomLimits = {
  ...DEFAULT_LIMITS,
  stateEntries: 5,
  stateBytes: 1000,
  tailEntries: 10,
  tailBytes: 10_000,
}
export const CONTRACT_MAX_ROOMS = 3

/** What an adapter's own test file says. `open` makes a log of `CONTRACT_LIMITS` and `CONTRACT_MAX_ROOMS`, empty. */
export interface LogUnderTest {
  open(): Promise<RoomLog>
  /** Takes away what `open` made, beside the log itself, which the suite has closed. */
  cleanUp?(): Promise<void>
}

/** A follower that writes down what it is told. */
export class Recorder implements Follower {
  readonly snapshot: Snapshot
  readonly entries: Entry[] = []
  readonly presences: Presence[] = []
  readonly restarts: Snapshot[] = []
  readonly stales: boolean[] = []
  endedBy: EndReason | undefined

  constructor(snapshot: Snapshot) {
    this.snapshot = snapshot
  }

  published(entry: Entry): void {
    this.entries.push(entry)
  }

  presence(owner: Presence): void {
    this.presences.push(owner)
  }

  restarted(snapshot: Snapshot): void {
    this.restarts.push(snapshot)
  }

  stale(isStale: boolean): void {
    this.stales.push(isStale)
  }

  ended(reason: EndReason): void {
    this.endedBy = reason
  }
}

export function plain(body: string, fields: Partial<Draft> = {}): Draft {
  return { term: 1, body, bytes: body.length, ...fields }
}

export function stored(body: string, key: string, retain: Retain = 'latest', fields: Partial<Draft> = {}): Draft {
  return plain(body, { state: { key, retain }, ...fields })
}

const NOTHING: Snapshot = { epoch: '', seq: 0, term: 0, ownerHere: false, state: [], tail: [] }

const bodies = (entries: readonly Entry[]) => entries.map(({ body }) => body)
const seqs = (entries: readonly Entry[]) => entries.map(({ seq }) => seq)

/** The one suite that every place a room can be kept in passes. */
export function testRoomLog(name: string, underTest: LogUnderTest): void {
  describe(`the room log contract: ${name}`, () => {
    const [A, B] = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b']
    let log: RoomLog

    beforeEach(async () => {
      log = await underTest.open()
    })

    afterEach(async () => {
      await log.close()
      await underTest.cleanUp?.()
    })

    async function follow(uuid: string): Promise<Recorder> {
      const recorder = await log.follow(uuid, (snapshot) => new Recorder(snapshot))
      if (recorder === undefined) throw new Error(`no room ${uuid}`)
      return recorder
    }

    describe('opening', () => {
      test('a new room is empty, at term 1, with its owner here', async () => {
        await log.create(A, 'hash')
        const { snapshot } = await follow(A)
        expect(snapshot).toMatchObject({ seq: 0, term: 1, ownerHere: true, state: [], tail: [] })
        expect(snapshot.epoch).toBeTruthy()
      })

      test('[O1] [E2] a new room that nobody is in waits for its owner from then on', async () => {
        await log.create(A, 'hash', 1000)
        const recorder = await follow(A)
        expect(recorder.snapshot).toMatchObject({ seq: 0, term: 1, ownerHere: false, state: [], tail: [] })
        expect(await log.abandoned(999)).toEqual([])
        expect(await log.abandoned(1000)).toEqual([{ uuid: A, term: 1 }])
        expect(await log.takeOver(A, 'hash', 'fresh')).toEqual({ term: 2, handedOver: false })
        expect(recorder.presences).toMatchObject([{ here: true, term: 2 }])
        expect(await log.abandoned(2000)).toEqual([])
      })

      test('there is nothing to follow or append to where there is no room', async () => {
        expect(await log.follow(A, (snapshot) => new Recorder(snapshot))).toBeUndefined()
        await expect(log.append(A, plain('x'))).rejects.toMatchObject({ problem: { code: 'room_not_found' } })
        expect(await log.takeOver(A, 'hash', 'fresh')).toBeUndefined()
        await log.ownerLeft(A, 1, 5)
        await log.end(A, 1, 'room_closed')
        log.unfollow(A, new Recorder(NOTHING))
      })

      test('[B2] rooms are bounded; one that ended makes place', async () => {
        const uuids = Array.from({ length: CONTRACT_MAX_ROOMS }, (_, i) => A.replace(/.$/, String(i)))
        for (const uuid of uuids) await log.create(uuid, 'hash')
        await expect(log.create(B, 'hash')).rejects.toMatchObject({
          problem: { code: 'server_full', limit: CONTRACT_MAX_ROOMS },
        })
        await log.end(uuids[0]!, 1, 'room_closed')
        await log.create(B, 'hash')
      })

      test('a room made again under its name has another epoch', async () => {
        await log.create(A, 'hash')
        const first = await follow(A)
        await log.end(A, 1, 'room_closed')
        await log.create(A, 'hash')
        expect((await follow(A)).snapshot.epoch).not.toBe(first.snapshot.epoch)
      })
    })

    describe('[C2] appending', () => {
      test('gives each its place, and publishes in that order, once', async () => {
        await log.create(A, 'hash')
        const recorder = await follow(A)
        const places = await Promise.all(['a', 'b', 'c'].map((body) => log.append(A, plain(body))))
        expect(places).toEqual([{ seq: 1 }, { seq: 2 }, { seq: 3 }])
        expect(bodies(recorder.entries)).toEqual(['a', 'b', 'c'])
        expect(seqs(recorder.entries)).toEqual([1, 2, 3])
      })

      test('publishes all of the draft', async () => {
        await log.create(A, 'hash')
        const recorder = await follow(A)
        const draft = stored('"ü€😀\u0000\n"', 'a\u0000"key"\n', 'append', { id: 'an id', echo: true })
        await log.append(A, draft)
        expect(recorder.entries).toEqual([{ ...draft, seq: 1 }])
        log.unfollow(A, recorder)
        const { snapshot } = await follow(A)
        expect(snapshot.tail).toMatchObject([{ ...draft, echo: expect.anything(), seq: 1 }])
        expect(snapshot.state).toMatchObject([{ body: draft.body, state: draft.state, seq: 1 }])
      })

      test('rooms do not reach each other', async () => {
        await log.create(A, 'hash')
        await log.create(B, 'hash')
        const [a, b] = [await follow(A), await follow(B)]
        await log.append(A, stored('in a', 'k'))
        await log.append(B, stored('in b', 'k'))
        expect([bodies(a.entries), bodies(b.entries)]).toEqual([['in a'], ['in b']])
        expect([seqs(a.entries), seqs(b.entries)]).toEqual([[1], [1]])
      })

      test('goes on while nobody follows', async () => {
        await log.create(A, 'hash')
        const first = await follow(A)
        await log.append(A, plain('a'))
        log.unfollow(A, first)
        await log.append(A, plain('b'))
        const second = await follow(A)
        await log.append(A, plain('c'))
        expect([bodies(first.entries), bodies(second.entries)]).toEqual([['a'], ['c']])
        expect(second.snapshot).toMatchObject({ seq: 2, tail: [{ body: 'a' }, { body: 'b' }] })
      })

      test('who lets go of a room late takes it from nobody who came after', async () => {
        await log.create(A, 'hash')
        const first = await follow(A)
        const second = await follow(A)
        log.unfollow(A, first)
        await log.append(A, plain('a'))
        await log.end(A, 1, 'room_closed')
        expect([bodies(second.entries), second.endedBy]).toEqual([['a'], 'room_closed'])
        await log.create(A, 'hash')
        const third = await follow(A)
        log.unfollow(A, second)
        await log.append(A, plain('b'))
        expect(bodies(third.entries)).toEqual(['b'])
      })

      test('[R4] what a follower is handed and what it is told then meet without a gap', async () => {
        await log.create(A, 'hash')
        const appends = Array.from({ length: 5 }, (_, i) => log.append(A, plain(`before ${i}`)))
        const recorder = await follow(A)
        appends.push(...Array.from({ length: 5 }, (_, i) => log.append(A, plain(`after ${i}`))))
        await Promise.all(appends)
        expect([...seqs(recorder.snapshot.tail), ...seqs(recorder.entries)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      })
    })

    describe('[C3] ids', () => {
      test('the same id again is answered with its place, and not published', async () => {
        await log.create(A, 'hash')
        const recorder = await follow(A)
        const ids = ['x', 'y', 'x', 'x']
        const places = await Promise.all(ids.map((id) => log.append(A, plain(id, { id }))))
        expect(places.map(({ seq }) => seq)).toEqual([1, 2, 1, 1])
        expect(bodies(recorder.entries)).toEqual(['x', 'y'])
      })

      test('are remembered for as long as the tail is, at least', async () => {
        await log.create(A, 'hash')
        await log.append(A, plain('first', { id: 'first' }))
        for (let n = 2; n <= CONTRACT_LIMITS.tailEntries; n++) await log.append(A, plain(`${n}`, { id: `${n}` }))
        expect(await log.append(A, plain('again', { id: 'first' }))).toEqual({ seq: 1 })
      })

      test('are of their room', async () => {
        await log.create(A, 'hash')
        await log.create(B, 'hash')
        await log.append(A, plain('a', { id: 'x' }))
        expect(await log.append(B, plain('b', { id: 'x' }))).toEqual({ seq: 1 })
        const { snapshot } = await follow(B)
        expect(bodies(snapshot.tail)).toEqual(['b'])
      })
    })

    describe('[R1] [R2] state', () => {
      test('latest replaces, append adds, clear forgets; the snapshot is in the order of seq', async () => {
        await log.create(A, 'hash')
        await log.append(A, stored('slide 1', 'slide'))
        await log.append(A, stored('ink 1', 'ink', 'append'))
        await log.append(A, stored('ink 2', 'ink', 'append'))
        await log.append(A, stored('slide 2', 'slide'))
        await log.append(A, stored('note', 'note', 'append'))
        await log.append(A, stored('gone', 'note', 'clear'))
        await log.append(A, plain('pointer'))
        const { snapshot } = await follow(A)
        expect(bodies(snapshot.state)).toEqual(['ink 1', 'ink 2', 'slide 2'])
        expect(seqs(snapshot.state)).toEqual([2, 3, 4])
        expect(snapshot.seq).toBe(7)
      })

      test('latest replaces all that was appended', async () => {
        await log.create(A, 'hash')
        for (const n of [1, 2, 3]) await log.append(A, stored(`${n}`, 'k', 'append'))
        await log.append(A, stored('all', 'k'))
        expect(bodies((await follow(A)).snapshot.state)).toEqual(['all'])
      })

      test('outlives the tail', async () => {
        await log.create(A, 'hash')
        await log.append(A, stored('slide', 'slide'))
        for (let n = 0; n < 50; n++) await log.append(A, plain(`${n}`))
        const { snapshot } = await follow(A)
        expect(bodies(snapshot.state)).toEqual(['slide'])
        expect(snapshot.tail.some(({ body }) => body === 'slide')).toBe(false)
      })
    })

    describe('[R3] [C5] the cap', () => {
      test('a refused append takes no place and publishes nothing', async () => {
        await log.create(A, 'hash')
        const recorder = await follow(A)
        for (let n = 0; n < CONTRACT_LIMITS.stateEntries; n++) await log.append(A, stored('x', `k${n}`))
        const over = [
          log.append(A, stored('over', 'new', 'latest', { id: 'o' })),
          log.append(A, stored('over', 'k0', 'append')),
        ]
        const refused = {
          status: 'rejected',
          reason: { problem: { code: 'state_full', limit: CONTRACT_LIMITS.stateEntries } },
        }
        // Both are looked after at once: a runtime may end on a rejection that nobody waits for yet.
        expect(await Promise.allSettled(over)).toMatchObject([refused, refused])
        await log.append(A, stored('replaced', 'k0'))
        await log.append(A, stored('cleared', 'k1', 'clear'))
        await log.append(A, stored('fits', 'new', 'latest', { id: 'o' }))
        expect(bodies(recorder.entries.slice(5))).toEqual(['replaced', 'cleared', 'fits'])
        expect(seqs(recorder.entries)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
      })

      test('on bytes', async () => {
        await log.create(A, 'hash')
        const draft = (key: string, bytes: number) => stored('x'.repeat(bytes), key)
        await log.append(A, draft('a', 600))
        await expect(log.append(A, draft('b', 401))).rejects.toMatchObject({
          problem: { code: 'state_full', limit: CONTRACT_LIMITS.stateBytes },
        })
        await log.append(A, draft('b', 400))
        await log.append(A, draft('a', 100))
        await log.append(A, draft('c', 500))
      })

      test('counts what it finds, not what it remembers', async () => {
        await log.create(A, 'hash')
        for (let n = 0; n < CONTRACT_LIMITS.stateEntries; n++) await log.append(A, stored('x', `k${n}`))
        log.unfollow(A, await follow(A))
        await expect(log.append(A, stored('over', 'new'))).rejects.toMatchObject({ problem: { code: 'state_full' } })
      })
    })

    describe('[R5] the tail', () => {
      test('ends at seq without a gap, and is bounded by count', async () => {
        await log.create(A, 'hash')
        for (let n = 0; n < 100; n++) await log.append(A, plain(`${n}`))
        const { tail, seq } = (await follow(A)).snapshot
        expect(seq).toBe(100)
        expect(tail.length).toBeGreaterThanOrEqual(CONTRACT_LIMITS.tailEntries)
        expect(tail.length).toBeLessThanOrEqual(2 * CONTRACT_LIMITS.tailEntries)
        expect(seqs(tail)).toEqual(Array.from(tail, (_, i) => 101 - tail.length + i))
      })

      test('is bounded by bytes', async () => {
        await log.create(A, 'hash')
        for (let n = 0; n < 20; n++) await log.append(A, plain('x'.repeat(4000)))
        const { tail } = (await follow(A)).snapshot
        expect(tail.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(2 * CONTRACT_LIMITS.tailBytes)
        expect(tail.at(-1)?.seq).toBe(20)
      })
    })

    describe('[O2] [O3] ownership', () => {
      test('the right key raises the term and brings the owner back', async () => {
        await log.create(A, 'hash')
        const recorder = await follow(A)
        await log.ownerLeft(A, 1, 5)
        expect(await log.takeOver(A, 'hash', 'fresh')).toEqual({ term: 2, handedOver: false })
        expect(recorder.presences).toMatchObject([
          { here: false, term: 1 },
          { here: true, term: 2, handedOver: false },
        ])
        expect(await log.takeOver(A, 'hash', 'fresh')).toEqual({ term: 3, handedOver: false })
      })

      test('a wrong key changes nothing', async () => {
        await log.create(A, 'hash')
        const recorder = await follow(A)
        for (const wrong of ['', 'Hash', 'hash ', 'fresh'])
          expect(await log.takeOver(A, wrong, 'fresh')).toBeUndefined()
        expect(recorder.presences).toEqual([])
        await log.append(A, plain('still'))
      })

      test('an old term is refused in all it asks', async () => {
        await log.create(A, 'hash')
        await log.takeOver(A, 'hash', 'fresh')
        const recorder = await follow(A)
        const refused = { problem: { code: 'displaced' } }
        await expect(log.append(A, stored('old', 'k'))).rejects.toMatchObject(refused)
        await expect(log.end(A, 1, 'room_closed')).rejects.toMatchObject(refused)
        await expect(log.offerHandover(A, 1, 'heir')).rejects.toMatchObject(refused)
        await log.ownerLeft(A, 1, 5)
        expect(recorder.presences).toEqual([])
        expect(await log.append(A, plain('new', { term: 2 }))).toEqual({ seq: 1 })
      })

      test('a handover key makes another owner, and the key of the former owner works no more', async () => {
        await log.create(A, 'hash')
        const recorder = await follow(A)
        await log.offerHandover(A, 1, 'heir')
        expect(await log.takeOver(A, 'heir', 'fresh')).toEqual({ term: 2, handedOver: true })
        expect(recorder.presences).toMatchObject([{ here: true, term: 2, handedOver: true }])
        expect(await log.takeOver(A, 'hash', 'fresher')).toBeUndefined()
        expect(await log.takeOver(A, 'fresh', 'fresher')).toEqual({ term: 3, handedOver: false })
        expect(await log.takeOver(A, 'heir', 'freshest')).toBeUndefined()
      })

      test('[O3] a handover whose answer is lost can be tried again: a new key each time, and void is the one before', async () => {
        await log.create(A, 'hash')
        await log.offerHandover(A, 1, 'heir')
        await log.takeOver(A, 'heir', 'lost')
        const recorder = await follow(A)
        await log.ownerLeft(A, 2, 5)
        expect(await log.takeOver(A, 'heir', 'lost too')).toEqual({ term: 3, handedOver: true })
        expect(await log.takeOver(A, 'heir', 'got')).toEqual({ term: 4, handedOver: true })
        // The heir has come again, and nobody has handed anything over since it first came.
        expect(recorder.presences).toMatchObject([
          { here: false, term: 2 },
          { here: true, term: 3, handedOver: false },
          { here: true, term: 4, handedOver: false },
        ])
        for (const worthless of ['hash', 'lost', 'lost too'])
          expect(await log.takeOver(A, worthless, 'x')).toBeUndefined()
        expect(await log.takeOver(A, 'got', 'x')).toEqual({ term: 5, handedOver: false })
        for (const worthless of ['heir', 'x']) expect(await log.takeOver(A, worthless, 'y')).toBeUndefined()
      })

      const sayings: Record<string, () => Promise<unknown>> = {
        'broadcast something': () => log.append(A, plain('mine', { term: 2 })),
        'sent a broadcast again': () => log.append(A, plain('again', { term: 2, id: 'known' })),
        'offered the room to another': () => log.offerHandover(A, 2, 'next heir'),
      }

      test.each(Object.keys(sayings))('[O3] a used handover key is void once the new owner has %s', async (saying) => {
        await log.create(A, 'hash')
        await log.append(A, plain('known', { id: 'known' }))
        await log.offerHandover(A, 1, 'heir')
        await log.takeOver(A, 'heir', 'fresh')
        await sayings[saying]!()
        expect(await log.takeOver(A, 'heir', 'x')).toBeUndefined()
        expect(await log.takeOver(A, 'fresh', 'x')).toEqual({ term: 3, handedOver: false })
      })

      test('[O3] what others say does not make it void: the former owner, or who needs no key', async () => {
        await log.create(A, 'hash')
        await log.offerHandover(A, 1, 'heir')
        await log.takeOver(A, 'heir', 'lost')
        await expect(log.append(A, plain('old', { term: 1 }))).rejects.toMatchObject({ problem: { code: 'displaced' } })
        await expect(log.offerHandover(A, 1, 'other')).rejects.toMatchObject({ problem: { code: 'displaced' } })
        await log.append(A, plain('fed', { term: Number.MAX_SAFE_INTEGER }))
        expect(await log.takeOver(A, 'heir', 'fresh')).toEqual({ term: 3, handedOver: true })
      })

      test('an offer is void once the owner has taken the room back, or made another', async () => {
        await log.create(A, 'hash')
        await log.offerHandover(A, 1, 'first heir')
        await log.offerHandover(A, 1, 'second heir')
        expect(await log.takeOver(A, 'first heir', 'fresh')).toBeUndefined()
        await log.takeOver(A, 'hash', 'fresh')
        expect(await log.takeOver(A, 'second heir', 'fresh')).toBeUndefined()
      })
    })

    describe('[E1] [E2] ending', () => {
      test('tells the follower after all that was published, and forgets the room', async () => {
        await log.create(A, 'hash')
        const recorder = await follow(A)
        await Promise.all([log.append(A, stored('last', 'k')), log.end(A, 1, 'room_closed')])
        expect(bodies(recorder.entries)).toEqual(['last'])
        expect(recorder.endedBy).toBe('room_closed')
        await expect(log.append(A, plain('x'))).rejects.toMatchObject({ problem: { code: 'room_not_found' } })
        await log.create(A, 'hash')
        expect((await follow(A)).snapshot).toMatchObject({ seq: 0, state: [], tail: [] })
      })

      test('what is said by who needs no key is a sign of life: the owner counts as gone no longer than that', async () => {
        await log.create(A, 'hash')
        const said = (id: string, at: number) => log.append(A, plain(id, { id, at, term: Number.MAX_SAFE_INTEGER }))
        expect(await said('while the owner is here', 500)).toEqual({ seq: 1 })
        const recorder = await follow(A)
        expect(recorder.snapshot.ownerHere).toBe(true)
        await log.ownerLeft(A, 1, 1000)
        await said('later', 3000)
        await said('earlier', 2000)
        expect(await log.abandoned(2999)).toEqual([])
        expect(await log.abandoned(3000)).toEqual([{ uuid: A, term: 1 }])
        expect(await said('later', 4000)).toEqual({ seq: 2 })
        expect(await log.abandoned(3999)).toEqual([])
        log.unfollow(A, recorder)
        expect((await follow(A)).snapshot.ownerHere).toBe(false)
        await log.takeOver(A, 'hash', 'fresh')
        await said('after', 5000)
        expect(await log.abandoned(9000)).toEqual([])
      })

      test('rooms are abandoned from when their owner left until it is back', async () => {
        await log.create(A, 'hash')
        await log.create(B, 'hash')
        await log.ownerLeft(A, 1, 1000)
        await log.ownerLeft(B, 1, 2000)
        expect(await log.abandoned(999)).toEqual([])
        expect(await log.abandoned(1000)).toEqual([{ uuid: A, term: 1 }])
        expect(await log.abandoned(2000)).toHaveLength(2)
        await log.takeOver(A, 'hash', 'fresh')
        await log.end(B, 1, 'room_abandoned')
        expect(await log.abandoned(3000)).toEqual([])
      })
    })
  })
}
