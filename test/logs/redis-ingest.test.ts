import { beforeEach, describe, expect, test } from 'vitest'
import type { Hear, RedisDriver } from '../../src/logs/redis/driver.ts'
import { Ingest } from '../../src/logs/redis/ingest.ts'
import { READ_INGEST, RELEASE_INGEST } from '../../src/logs/redis/scripts.ts'
import type { Appended, Draft } from '../../src/room/ports.ts'
import { SteppedClock, settle } from '../support/doubles.ts'
import { message } from '../support/messages.ts'

const A = '00000000-0000-4000-8000-00000000000a'

/** A Redis that one node may read the ingest channels of, or another does. */
class StubbedRedis {
  reader = 'node'
  ears = new Set<Hear>()
  readonly announced: { channel: string; text: string }[] = []
  readonly runs: string[] = []
  /** What is asked waits for this. */
  gate: Promise<void> | undefined

  readonly driver = {
    run: async (script: string) => {
      await this.gate
      this.runs.push(script)
      return script === READ_INGEST && this.reader === 'node' ? 1 : 0
    },
    overhear: async (_: string, hear: Hear) => void this.ears.add(hear),
    stopOverhearing: async (_: string, hear: Hear) => void this.ears.delete(hear),
    announce: async (channel: string, text: string) => {
      this.announced.push({ channel, text })
      for (const hear of this.ears) hear(text, channel)
    },
  } as unknown as RedisDriver

  say(name: string, id?: string): number {
    const text = JSON.stringify(message(3, { uuid: A, funcKey: name, ...(id !== undefined && { id }) }))
    for (const hear of this.ears) hear(text, `ingest:${A}`)
    return this.ears.size
  }

  get answers(): unknown[] {
    return this.announced.filter(({ channel }) => channel === `answers:${A}`).map(({ text }) => JSON.parse(text))
  }
}

describe('who listens to what is published from outside', () => {
  let redis: StubbedRedis
  let clock: SteppedClock
  let ingest: Ingest
  let appended: string[]
  let append: (draft: Draft) => Promise<Appended>

  beforeEach(async () => {
    redis = new StubbedRedis()
    clock = new SteppedClock()
    appended = []
    append = async ({ body }) => {
      appended.push(/"funcKey":"(\w+)"/.exec(body)![1]!)
      return { seq: appended.length }
    }
    const log = { append: (_: string, draft: Draft) => append(draft) }
    ingest = new Ingest(redis.driver, { clock, log, prefix: '', node: 'node', messageBytes: 1000 })
    await settle()
  })

  /** It does nothing for so long, and goes on with what was published meanwhile. */
  async function hang(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    redis.gate = promise
    clock.advance(ms)
    for (const [name, id] of [['plain'], ['named', 'n'], ['last']]) redis.say(name!, id)
    await settle()
    resolve()
    await settle()
  }

  test('and hangs for a moment, takes what was published meanwhile', async () => {
    await hang(5000)
    expect(appended).toEqual(['plain', 'named', 'last'])
  })

  test('and hangs until its lease is over, takes it in its order when nobody else listens', async () => {
    await hang(60_000)
    expect(appended).toEqual(['plain', 'named', 'last'])
    redis.say('after')
    await settle()
    expect(appended).toEqual(['plain', 'named', 'last', 'after'])
  })

  test('and hangs until another does, takes what has an id, and says of the rest that it is not known', async () => {
    redis.reader = 'another'
    await hang(60_000)
    expect(appended).toEqual(['named'])
    const lost = { error: expect.objectContaining({ code: 'log_unavailable' }) }
    expect(redis.answers).toHaveLength(3)
    expect(redis.answers).toEqual(expect.arrayContaining([{ id: 'n', seq: 1 }, lost]))
    expect(redis.ears.size).toBe(0)
  })

  test('and is not heard by itself any more, listens anew', async () => {
    redis.ears.clear()
    for (let ticks = 0; ticks < 2; ticks++) {
      clock.advance(2000)
      await settle()
    }
    expect(redis.say('heard')).toBe(1)
  })

  test('and is to end, answers what it has heard, and then lets another', async () => {
    const stored = Promise.withResolvers<Appended>()
    append = () => stored.promise
    redis.say('named', 'n')
    const closed = ingest.close()
    await settle()
    expect([redis.say('late'), redis.answers, redis.runs.includes(RELEASE_INGEST)]).toEqual([0, [], false])
    stored.resolve({ seq: 7 })
    await closed
    expect(redis.answers).toEqual([{ id: 'n', seq: 7 }])
    expect(redis.runs.at(-1)).toBe(RELEASE_INGEST)
    expect(clock.pending).toBe(0)
  })
})
