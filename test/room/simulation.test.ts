import { afterEach, describe, expect, test, vi } from 'vitest'
import { MemoryLog } from '../../src/logs/memory.ts'
import { SqliteLog } from '../../src/logs/sqlite.ts'
import { NodeSqliteDriver } from '../../src/node/sqlite-driver.ts'
import { DEFAULT_LIMITS } from '../../src/room/limits.ts'
import { State } from '../../src/room/state.ts'
import { Tail } from '../../src/room/tail.ts'
import { Random, seedOfRun } from '../support/random.ts'
import { Broken, type Ground, Simulation } from '../support/simulation.ts'

const SCHEDULES = 2000
const STEPS = 80
const limits = { ...DEFAULT_LIMITS, tailEntries: 12, tailBytes: 4000, stateEntries: 40 }

/** A log that outlives the process that a run crashes. */
const grounds: Record<string, () => Ground> = {
  memory: () => {
    let log: MemoryLog | undefined
    return { log: ({ secrets }) => (log ??= new MemoryLog({ limits, maxRooms: 10, secrets })) }
  },
  SQLite: () => {
    const driver = new NodeSqliteDriver(':memory:', 'normal')
    return {
      log: ({ clock, secrets }) =>
        new SqliteLog(driver, {
          limits,
          maxRooms: 10,
          secrets,
          soon: (flush) => clock.soon(flush),
          onFailure(error) {
            throw error
          },
        }),
    }
  },
}

/** Runs schedules of `ground` until one breaks a promise; returns what it broke, or undefined. */
async function findBroken(ground: string, schedules: number): Promise<string | undefined> {
  const first = seedOfRun()
  for (let seed = first; seed < first + (process.env.SEED ? 1 : schedules); seed++) {
    try {
      await new Simulation(new Random(seed), grounds[ground]!()).run(STEPS)
    } catch (error) {
      const what = error instanceof Broken ? error.message : String((error as Error).stack)
      return `${what}\nagain with: SEED=${seed} npx vitest run test/room/simulation.test.ts -t ${ground}`
    }
  }
  return undefined
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('owners that crash, come back and hand over; listeners that stall, drop and resume', () => {
  test.each(Object.keys(grounds))(
    'keep promises 1, 3 and 5 in any order, over the %s log',
    { timeout: 60_000 },
    async (ground) => {
      expect(await findBroken(ground, SCHEDULES / 2)).toBeUndefined()
    },
  )
})

describe('a core that is broken on purpose is found out', () => {
  const sabotages: Record<string, () => void> = {
    'a lost catch-up': () => {
      vi.spyOn(State.prototype, 'changedSince').mockReturnValue([])
    },
    'a catch-up that leaves out one': () => {
      const { changedSince } = State.prototype
      vi.spyOn(State.prototype, 'changedSince').mockImplementation(function (this: State, seq) {
        return changedSince.call(this, seq)?.slice(1)
      })
    },
    'a doubled broadcast': () => {
      const { push } = Tail.prototype
      vi.spyOn(Tail.prototype, 'push').mockImplementation(function (this: Tail, text, seq) {
        push.call(this, text, seq)
        if (seq !== undefined && seq % 7 === 0) push.call(this, text, seq)
      })
    },
    'a recovery from too far back': () => {
      const { since } = Tail.prototype
      vi.spyOn(Tail.prototype, 'since').mockImplementation(function (this: Tail, seq) {
        return since.call(this, seq - 1) ?? since.call(this, seq)
      })
    },
    'a stale term accepted': () => {
      const { append } = MemoryLog.prototype
      vi.spyOn(MemoryLog.prototype, 'append').mockImplementation(function (this: MemoryLog, uuid, draft) {
        return append.call(this, uuid, { ...draft, term: 1e9 })
      })
    },
    'an id forgotten': () => {
      const { append } = MemoryLog.prototype
      vi.spyOn(MemoryLog.prototype, 'append').mockImplementation(function (this: MemoryLog, uuid, draft) {
        return append.call(this, uuid, draft.body.length % 3 === 0 ? { ...draft, id: undefined } : draft)
      })
    },
  }

  test.each(Object.keys(sabotages))('%s', { timeout: 60_000 }, async (name) => {
    sabotages[name]!()
    expect(await findBroken('memory', SCHEDULES)).toBeDefined()
  })
})
