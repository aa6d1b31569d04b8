import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { RedisLog } from '../../src/logs/redis.ts'
import { CONTRACT_LIMITS, plain, Recorder, stored } from '../contracts/room-log.ts'
import { type Cluster, describeWithRedis, startCluster } from '../support/redis.ts'
import { freshPrefix, openRedisLog } from '../support/redis-log.ts'

const A = '00000000-0000-4000-8000-00000000000a'

/** More than is appended while a replica takes over. */
const limits = { ...CONTRACT_LIMITS, tailEntries: 100_000, tailBytes: 10_000_000 }

/** Milliseconds for a cluster to notice and for the nodes to notice it. */
const PATIENCE = { timeout: 20_000, interval: 50 }

const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1)

describeWithRedis('a cluster that changes', () => {
  let cluster: Cluster
  let key: string
  let logs: RedisLog[]
  let recorders: Recorder[]
  /** What was acknowledged, in the order of seq. */
  let acknowledged: { body: string; seq: number }[]
  let isSpeaking: boolean
  let speech: Promise<void>

  beforeEach(() => {
    logs = []
    isSpeaking = false
  })
  afterEach(async () => {
    isSpeaking = false
    await speech
    await Promise.all(logs.map((log) => log.close()))
    await cluster.stop()
  })

  /** A room that two nodes follow, on a cluster of three masters. */
  async function begin(replicas: 0 | 1): Promise<void> {
    cluster = await startCluster(3, { replicas })
    const prefix = freshPrefix()
    key = `${prefix}{${A}}:room`
    const opened = await Promise.all(
      [1, 2].map(() => openRedisLog(cluster.urls, { prefix, isCluster: true, limits, lease: 3000 })),
    )
    logs = opened.map(({ log }) => log)
    await logs[0]!.create(A, 'hash')
    recorders = await Promise.all(logs.map(async (log) => (await log.follow(A, (s) => new Recorder(s)))!))
    acknowledged = []
  }

  /** Appends all the time, and keeps what was acknowledged. What is refused is said again with its id. */
  function speak(): void {
    isSpeaking = true
    speech = (async () => {
      for (let n = acknowledged.length + 1; isSpeaking; ) {
        const body = `${n}`
        await logs[0]!.append(A, plain(body, { id: body })).then(
          ({ seq }) => {
            acknowledged.push({ body, seq })
            n++
          },
          () => new Promise((resolve) => setTimeout(resolve, 20)),
        )
      }
    })()
  }

  const further = (count: number) => {
    const before = acknowledged.length
    return vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before + count), PATIENCE)
  }

  async function fallSilent(): Promise<void> {
    isSpeaking = false
    await speech
  }

  test('a replica takes over: nodes that follow a room on it know, catch up, and miss nothing', async () => {
    await begin(1)
    speak()
    await further(20)
    // What the replica has not got yet would be lost.
    const master = await cluster.masterOf(key)
    await fallSilent()
    expect(await master.command('WAIT', '1', '0')).toBe(1)
    const failedOver = cluster.failOver(key)
    await vi.waitFor(() => expect(recorders.map(({ stales }) => stales)).toEqual([[true], [true]]), PATIENCE)
    speak()
    await failedOver
    await further(20)
    await fallSilent()
    const all = acknowledged.map(({ seq }) => seq)
    for (const recorder of recorders) {
      await vi.waitFor(() => expect(recorder.entries.map(({ seq }) => seq)).toEqual(all), PATIENCE)
      expect(all).toEqual(upTo(all.length))
      expect([recorder.stales, recorder.restarts]).toEqual([[true, false], []])
    }
  })

  test('[R5] a replica takes over that has not got all that was acknowledged: another epoch', async () => {
    await begin(1)
    const [one, two] = logs as [RedisLog, RedisLog]
    await one.append(A, stored('kept', 'kept'))
    const master = await cluster.masterOf(key)
    expect(await master.command('WAIT', '1', '0')).toBe(1)
    await master.command('ACL', 'SETUSER', 'default', '-psync', '-sync')
    await master.command('CLIENT', 'KILL', 'TYPE', 'replica')
    for (const body of ['lost', 'lost as well']) await one.append(A, stored(body, body))
    await vi.waitFor(() => expect(recorders[1]!.entries).toHaveLength(3), PATIENCE)
    await cluster.failOver(key)
    await vi.waitFor(() => two.append(A, stored('new', 'new', 'latest', { id: 'new' })), PATIENCE)
    for (const recorder of recorders) {
      await vi.waitFor(() => {
        const { epoch, seq, state } = recorder.restarts.at(-1)!
        expect(epoch).not.toBe(recorder.snapshot.epoch)
        const news = recorder.entries.filter((entry) => entry.seq > seq && entry.body === 'new')
        expect([...state, ...news]).toMatchObject([{ body: 'kept', seq: 1 }, { body: 'new' }])
        expect(recorder.stales.at(-1)).toBe(false)
      }, PATIENCE)
    }
  })

  test('a slot moves to another master: the room in it goes on, for those who follow it, too', async () => {
    await begin(0)
    speak()
    for (let moves = 0; moves < 3; moves++) {
      await further(20)
      await cluster.moveSlot(key)
    }
    await further(20)
    await fallSilent()
    const all = acknowledged.map(({ seq }) => seq)
    expect(all).toEqual(upTo(all.length))
    for (const recorder of recorders) {
      await vi.waitFor(() => expect(recorder.entries.map(({ seq }) => seq)).toEqual(all), PATIENCE)
      expect(recorder.restarts).toEqual([])
    }
  })
})
