import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DEFAULT_LIMITS, type RoomLimits } from '../../src/room/limits.ts'
import type { Entry, RoomLog } from '../../src/room/ports.ts'
import { plain, Recorder, stored } from './room-log.ts'

/** Entries of the room: more than a log reads in one turn. */
const ROWS = 2500

/** The tail is shorter than the room, and soon trimmed. */
export const LARGE_LIMITS: RoomLimits = { ...DEFAULT_LIMITS, tailEntries: 1000 }

/** What an adapter's own test file says. `open` makes an empty log of `LARGE_LIMITS`, for two rooms. */
export interface LargeRoomLog {
  open(): Promise<RoomLog>
  cleanUp?(): Promise<void>
  /** A turn of the event loop. */
  turn?(): Promise<void>
}

const bodies = (entries: readonly Entry[]) => entries.map(({ body }) => body)
const seqs = (entries: readonly Entry[]) => entries.map(({ seq }) => seq)

/** For every log: a room that is large enough to be read in parts is handed over as it stands, whatever happens meanwhile. */
export function testLargeRooms(name: string, underTest: LargeRoomLog): void {
  describe(`[R4] a large room that changes while it is read in: ${name}`, () => {
    const [A, B] = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b']
    const turn = underTest.turn ?? (() => new Promise<void>((resolve) => setTimeout(resolve, 0)))
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

    /** A room of `ROWS` entries, every other under a key of its own, and how it is to be followed: `meanwhile` is done then. */
    async function followMeanwhile(meanwhile: (turn: number) => void) {
      await log.create(A, 'hash')
      const appends = Array.from({ length: ROWS }, (_, n) =>
        log.append(A, n % 2 ? plain(`${n}`) : stored(`${n}`, `k${n}`)),
      )
      await Promise.all(appends)
      const following = log.follow(A, (snapshot) => new Recorder(snapshot))
      let isOver = false
      const over = following.finally(() => {
        isOver = true
      })
      for (let count = 0; !isOver; count++) {
        meanwhile(count)
        await turn()
      }
      return { recorder: await over, whole: await follow(A) }
    }

    /** What a follower has come to: what it was handed, and what it was told. */
    function standOf({ snapshot, entries }: Recorder) {
      const state = new Map<string, Entry[]>()
      const add = (key: string, entry: Entry) => state.set(key, [...(state.get(key) ?? []), entry])
      // Of a snapshot all is stored; what follows replaces.
      for (const entry of snapshot.state) add(entry.state!.key, entry)
      for (const entry of entries) {
        if (entry.state === undefined) continue
        const { key, retain } = entry.state
        if (retain !== 'append') state.delete(key)
        if (retain !== 'clear') add(key, entry)
      }
      const tail = [...snapshot.tail, ...entries]
      return {
        state: [...state.values()].flat().sort((a, b) => a.seq - b.seq),
        tail,
        seq: tail.at(-1)?.seq ?? snapshot.seq,
      }
    }

    async function expectSame(made: Promise<{ recorder: Recorder | undefined; whole: Recorder }>) {
      const { recorder, whole } = await made
      const stand = standOf(recorder!)
      expect(bodies(stand.state)).toEqual(bodies(whole.snapshot.state))
      expect(stand.seq).toBe(whole.snapshot.seq)
      expect(seqs(stand.tail)).toEqual(Array.from(stand.tail, (_, i) => stand.seq - stand.tail.length + 1 + i))
    }

    test('appends, replacements and clears in the middle', async () => {
      let n = 0
      await expectSame(
        followMeanwhile((turn) => {
          // Not to the end: what is published then would make good what was handed over wrong.
          if (turn > 2) return
          // One that is read already, one that is not, and a new one.
          for (const key of ['k0', `k${ROWS - 2}`, 'new']) {
            void log.append(A, stored(`${turn} ${n++}`, key, turn % 3 ? 'latest' : 'clear'))
            void log.append(A, stored(`${turn} ${n++}`, key, 'append'))
          }
          void log.append(A, plain('passes'))
        }),
      )
    })

    test('the tail trimmed in the middle', async () => {
      await expectSame(
        followMeanwhile((turn) => {
          if (turn === 0) void log.append(A, stored('cleared', 'k0', 'clear'))
          // So much that the clear is not in the log any more when all is read.
          if (turn === 1) for (let n = 0; n < 6000; n++) void log.append(A, plain(`trims ${n}`))
        }),
      )
    })

    test('another owner in the middle', async () => {
      await log.create(B, 'hash')
      const { recorder } = await followMeanwhile((turn) => {
        if (turn > 0) return
        void log.takeOver(A, 'hash', 'fresh')
        void log.ownerLeft(A, 2, 7)
      })
      const { snapshot, presences } = recorder!
      expect(presences.at(-1) ?? { here: snapshot.ownerHere, term: snapshot.term }).toMatchObject({
        here: false,
        term: 2,
      })
    })

    test('ended in the middle, and made again under its name', async () => {
      const { recorder } = await followMeanwhile((turn) => {
        if (turn > 0) return
        void log.end(A, 1, 'room_closed')
        void log.create(A, 'hash')
        void log.append(A, stored('of the new', 'k'))
      })
      if (recorder!.endedBy === undefined) expect(bodies(recorder!.snapshot.state)).toEqual(['of the new'])
    })

    test('ended in the middle', async () => {
      await log.create(A, 'hash')
      await Promise.all(Array.from({ length: ROWS }, (_, n) => log.append(A, stored(`${n}`, `k${n}`))))
      const following = log.follow(A, (snapshot) => new Recorder(snapshot))
      await turn()
      void log.end(A, 1, 'room_closed')
      const recorder = await following
      expect(recorder === undefined || recorder.endedBy === 'room_closed').toBe(true)
    })
  })
}
