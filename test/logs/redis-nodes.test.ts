import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RedisDriver } from '../../src/logs/redis/driver.ts'
import { BEAT, HEAD, HOLDS_KEY, ORPHAN, PLACE, TAKE_OVER } from '../../src/logs/redis/scripts.ts'
import type { RedisLog } from '../../src/logs/redis.ts'
import { CONTRACT_LIMITS, plain, Recorder, stored } from '../contracts/room-log.ts'
import { eventually } from '../support/events.ts'
import { TcpProxy } from '../support/proxy.ts'
import { describeWithRedis, type RedisServer, startRedis, startReplica } from '../support/redis.ts'
import { freshPrefix, openRedisLog } from '../support/redis-log.ts'

const [A, B, C] = ['a', 'b', 'c'].map((end) => `00000000-0000-4000-8000-00000000000${end}`) as [string, string, string]
const LEASE = 300

const seqs = (recorder: Recorder) => recorder.entries.map(({ seq }) => seq)
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i)

async function follow(log: RedisLog, uuid = A): Promise<Recorder> {
  const recorder = await log.follow(uuid, (snapshot) => new Recorder(snapshot))
  if (recorder === undefined) throw new Error('no room')
  return recorder
}

/** Has each run of `script` fail, until it is stopped. */
function failing(driver: RedisDriver, script: string) {
  const runs = { refused: 0, passed: 0, stop: () => {} }
  let isStopped = false
  runs.stop = () => {
    isStopped = true
  }
  const run = driver.run.bind(driver)
  vi.spyOn(driver, 'run').mockImplementation(async (...asked) => {
    const isMeant = asked[0] === script
    if (isMeant && !isStopped) {
      runs.refused++
      throw new Error('out of reach')
    }
    const reply = await run(...asked)
    if (isMeant) runs.passed++
    return reply
  })
  return runs
}

describeWithRedis('several nodes over one Redis', () => {
  let redis: RedisServer
  let proxy: TcpProxy
  let prefix: string
  let opened: { log: RedisLog; driver: RedisDriver }[]

  /** A node with a line of its own to Redis, or one that goes by the proxy. */
  async function node(url = redis.url, limits = CONTRACT_LIMITS, lease = LEASE) {
    const node = await openRedisLog([url], { prefix, lease, limits })
    opened.push(node)
    return node
  }
  const remote = (lease = LEASE) => node(proxy.url.replace('http', 'redis'), CONTRACT_LIMITS, lease)
  const keysOf = (uuid: string) => ['room', 'tail', 'state', 'ids', 'news'].map((name) => `${prefix}{${uuid}}:${name}`)

  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())
  beforeEach(async () => {
    proxy = await TcpProxy.to(redis.port)
    prefix = freshPrefix()
    opened = []
  })
  afterEach(async () => {
    await Promise.all(opened.map(({ log }) => log.close()))
    await proxy.close()
  })

  test('[C2] what one appends, each follower gets, in one order', async () => {
    const nodes = await Promise.all(upTo(3).map(() => node(redis.url, { ...CONTRACT_LIMITS, tailEntries: 1000 })))
    const [one, two, three] = nodes.map(({ log }) => log) as [RedisLog, RedisLog, RedisLog]
    await one.create(A, 'hash')
    const recorders = await Promise.all([one, two, three].map((log) => follow(log)))
    await Promise.all(upTo(100).map((n) => (n % 2 ? one : two).append(A, plain(`${n}`))))
    await eventually(() => expect(recorders.map((recorder) => recorder.entries.length)).toEqual([100, 100, 100]))
    const bodies = recorders.map(({ entries }) => entries.map(({ body }) => body))
    expect(bodies[1]).toEqual(bodies[0])
    expect(bodies[2]).toEqual(bodies[0])
    for (const recorder of recorders) expect(seqs(recorder)).toEqual(upTo(100))
  })

  test('connections that are cut cost no follower a broadcast', async () => {
    const [near, far] = [(await node()).log, (await remote()).log]
    await near.create(A, 'hash')
    const recorder = await follow(far)
    for (const n of upTo(60)) {
      if (n % 20 === 10) proxy.cut()
      await near.append(A, plain(`${n}`))
      // No more is appended than the tail holds until the other is back.
      if (n % 5 === 0) await eventually(() => expect(seqs(recorder)).toEqual(upTo(n)))
    }
    expect(recorder.restarts).toEqual([])
  })

  test('a subscription that is lost with no connection lost is found out, and what it missed is read', async () => {
    const [{ log: near }, { log: far, driver }] = [await node(), await node()]
    await near.create(A, 'hash')
    const subscribing = vi.spyOn(driver, 'subscribe').mockResolvedValueOnce()
    const recorder = await follow(far)
    await near.append(A, plain('missed'))
    await eventually(() => expect(seqs(recorder)).toEqual([1]))
    expect(subscribing).toHaveBeenCalledTimes(2)
    await near.append(A, plain('heard'))
    await eventually(() => expect(seqs(recorder)).toEqual([1, 2]))
    expect([recorder.restarts, recorder.stales]).toEqual([[], []])
  })

  test('[R6] what is out of the tail when the line is back is made good by the state', async () => {
    const [near, far] = [(await node()).log, (await remote()).log]
    await near.create(A, 'hash')
    const recorder = await follow(far)
    proxy.down()
    await eventually(() => expect(recorder.stales).toEqual([true]))
    await near.append(A, stored('kept', 'k'))
    for (const n of upTo(50)) await near.append(A, plain(`${n}`))
    proxy.isDown = false
    await eventually(() => expect(recorder.stales).toEqual([true, false]))
    expect(recorder.restarts).toMatchObject([{ seq: 51, epoch: recorder.snapshot.epoch, state: [{ body: 'kept' }] }])
    await near.append(A, plain('live'))
    await eventually(() => expect(seqs(recorder)).toEqual([52]))
  })

  test('while Redis is down each request is refused at once, and after it all is as before', async () => {
    const { log } = await node()
    await log.create(A, 'hash')
    const recorder = await follow(log)
    await log.append(A, stored('before', 'k'))
    await redis.kill()
    const refused = { problem: { code: 'log_unavailable' } }
    await expect(log.append(A, plain('lost'))).rejects.toMatchObject(refused)
    await expect(log.takeOver(A, 'hash', 'fresh')).rejects.toMatchObject(refused)
    await expect(log.follow(A, (snapshot) => new Recorder(snapshot))).rejects.toMatchObject(refused)
    await expect(log.abandoned(1)).rejects.toMatchObject(refused)
    await redis.restart()
    await eventually(() => log.append(A, stored('after', 'k', 'append')))
    const again = await eventually(() => follow(log))
    expect(again.snapshot).toMatchObject({ state: [{ body: 'before' }, { body: 'after' }] })
    expect(recorder.restarts).toEqual([])
  })

  test('a Redis that was slow to answer, on connections that lived, is used again', async () => {
    const { log } = await node()
    await log.create(A, 'hash')
    redis.pause()
    const speaking = setInterval(() => log.abandoned(0).catch(() => {}), 100)
    try {
      // From here on nothing is written, and well before the connection times out the server goes on.
      await expect(log.append(A, plain('late'))).rejects.toMatchObject({ problem: { code: 'log_unavailable' } })
      redis.resume()
      await eventually(() => log.append(A, plain('on time')))
    } finally {
      clearInterval(speaking)
      redis.resume()
    }
  })

  test('who would follow rooms of a Redis that hangs is refused, however many try', async () => {
    const { log } = await node()
    redis.pause()
    const refused: unknown[] = []
    const coming = setInterval(
      () => log.follow(crypto.randomUUID(), (snapshot) => new Recorder(snapshot)).catch((error) => refused.push(error)),
      100,
    )
    try {
      await eventually(() => expect(refused).not.toEqual([]))
    } finally {
      clearInterval(coming)
      redis.resume()
    }
  })

  test('a room may be larger than what a server keeps for who hears channels', async () => {
    const size = 40 * 1024 * 1024
    const { log } = await node(redis.url, {
      ...CONTRACT_LIMITS,
      stateBytes: size,
      stateEntries: 1000,
      broadcastBytes: size,
    })
    await log.create(A, 'hash')
    await log.create(B, 'hash')
    await follow(log, B)
    const part = 'x'.repeat(100_000)
    for (let n = 1; n * part.length < size; n++) await log.append(A, stored(part, `${n}`))
    const { snapshot } = await follow(log, A)
    expect(snapshot.state).toHaveLength(Math.floor(size / part.length))
  })

  test('[C6] a room’s rate is one for all nodes, and nothing overtakes what is refused', async () => {
    const RATE = 20
    const limits = { ...CONTRACT_LIMITS, tailEntries: 1000, broadcastRate: RATE }
    const nodes = [await node(redis.url, limits), await node(redis.url, limits)]
    await nodes[0]!.log.create(A, 'hash')
    const recorder = await follow(nodes[0]!.log)
    const start = performance.now()
    const outcomes: string[][] = [[], []]
    // The second as what comes by PUBLISH, or an owner that has just come there.
    await Promise.all(
      nodes.map(async ({ log }, i) => {
        const settle = (outcome: string) => void outcomes[i]!.push(outcome)
        const appends = upTo(150).map((n) =>
          log.append(A, plain(`${i}.${n}`, { id: `${i}.${n}` })).then(
            () => settle('taken'),
            (error) => settle(error.problem.code),
          ),
        )
        await Promise.all(appends)
      }),
    )
    const seconds = (performance.now() - start) / 1000
    const taken = outcomes.flat().filter((outcome) => outcome === 'taken').length
    // Two seconds' worth at once, since what each node has let through may come together here.
    expect(taken).toBeGreaterThanOrEqual(2 * RATE)
    expect(taken).toBeLessThanOrEqual(2 * RATE + Math.ceil(seconds * RATE) + 1)
    for (const told of outcomes) {
      expect(told).toHaveLength(150)
      const first = told.indexOf('rate_limited')
      expect(new Set(told.slice(first))).toEqual(new Set(['rate_limited']))
    }
    const refusal = await nodes[1]!.log.append(A, plain('more')).catch(({ problem }) => problem)
    expect(refusal).toMatchObject({ code: 'rate_limited', limit: RATE, retryAfter: expect.any(Number) })
    await new Promise((resolve) => setTimeout(resolve, refusal.retryAfter))
    expect(await nodes[1]!.log.append(A, plain('more'))).toEqual({ seq: taken + 1 })
    await eventually(() => expect(seqs(recorder)).toEqual(upTo(taken + 1)))
  })

  describe('a room that is not followed any more is not listened to', () => {
    const heard = () => redis.command('PUBSUB', 'SHARDCHANNELS', `${prefix}*`)

    test('when it was left while Redis was down', async () => {
      const { log } = await node()
      for (const uuid of [A, B]) await log.create(uuid, 'hash')
      const recorder = await follow(log, A)
      await follow(log, B)
      await redis.kill()
      await eventually(() => expect(recorder.stales).toEqual([true]))
      log.unfollow(A, recorder)
      await redis.restart()
      await eventually(async () => expect(await heard()).toEqual([`${prefix}{${B}}:news`]))
    })

    test('when it ended while the log was asked for its news', async () => {
      const { log, driver } = await node()
      await log.create(A, 'hash')
      await follow(log)
      const ended = Promise.withResolvers<void>()
      let look: Promise<unknown> | undefined
      const run = driver.run.bind(driver)
      const running = vi.spyOn(driver, 'run').mockImplementation((script, keys, args) => {
        if (script !== HEAD) return run(script, keys, args)
        look = ended.promise.then(() => run(script, keys, args))
        return look
      })
      await eventually(() => expect(look).toBeDefined())
      await log.end(A, 1, 'room_closed')
      ended.resolve()
      await look
      // Whatever is asked of the channel now is done before the second of these.
      for (const uuid of [B, C]) {
        await log.create(uuid, 'hash')
        await follow(log, uuid)
      }
      expect(new Set((await heard()) as string[])).toEqual(new Set([B, C].map((uuid) => `${prefix}{${uuid}}:news`)))
      running.mockRestore()
    })
  })

  test('[O3] who has been displaced on another node is refused, and told', async () => {
    const [one, two] = [(await node()).log, (await node()).log]
    await one.create(A, 'hash')
    const recorders = [await follow(one), await follow(two)]
    expect(await two.takeOver(A, 'hash', 'fresh')).toEqual({ term: 2, handedOver: false })
    await expect(one.append(A, stored('old', 'k'))).rejects.toMatchObject({ problem: { code: 'displaced' } })
    await two.append(A, plain('new', { term: 2 }))
    for (const recorder of recorders) {
      await eventually(() => expect(recorder.entries).toHaveLength(1))
      expect(recorder.entries).toMatchObject([{ body: 'new', seq: 1 }])
      expect(recorder.presences).toMatchObject([{ here: true, term: 2, handedOver: false }])
    }
  })

  test('[O3] a room is taken over, though the answer is lost: the owner gets in, once, and the former one is told', async () => {
    const [near, far] = [(await node()).log, (await remote()).log]
    await near.create(A, 'hash')
    const recorder = await follow(near)
    proxy.loses = 'handedAt'
    expect(await far.takeOver(A, 'hash', 'fresh')).toEqual({ term: 2, handedOver: false })
    expect(proxy.loses).toBeUndefined()
    await eventually(() => expect(recorder.presences.at(-1)).toMatchObject({ here: true, term: 2 }))
    await expect(near.append(A, plain('old'))).rejects.toMatchObject({ problem: { code: 'displaced' } })
    expect(await far.append(A, plain('new', { term: 2 }))).toEqual({ seq: 1 })
  })

  test('[O3] the same with the key of a handover, which is used up by that', async () => {
    const [near, far] = [(await node()).log, (await remote()).log]
    await near.create(A, 'hash')
    const recorder = await follow(near)
    await near.offerHandover(A, 1, 'heir')
    proxy.loses = 'handedAt'
    expect(await far.takeOver(A, 'heir', 'fresh')).toEqual({ term: 2, handedOver: true })
    await eventually(() => expect(recorder.presences).toMatchObject([{ term: 2, handedOver: true }, { term: 2 }]))
    expect(await far.takeOver(A, 'fresh', 'fresher')).toEqual({ term: 3, handedOver: false })
  })

  test('[E2] [O3] a room that is taken over by who never learns of it is left to its grace time', async () => {
    const [former, gone, lives] = [await node(), await remote(), (await node()).log]
    await former.log.create(A, 'hash')
    const recorder = await follow(former.log)
    const run = gone.driver.run.bind(gone.driver)
    vi.spyOn(gone.driver, 'run').mockImplementation(async (...asked) => {
      const reply = await run(...asked)
      if (asked[0] !== TAKE_OVER) return reply
      proxy.down()
      throw new Error('the answer is lost')
    })
    await expect(gone.log.takeOver(A, 'hash', 'fresh')).rejects.toMatchObject({ problem: { code: 'log_unavailable' } })
    await eventually(async () => {
      await lives.abandoned(0)
      expect(recorder.presences).toMatchObject([
        { here: true, term: 2 },
        { here: false, term: 2 },
      ])
    })
    expect(await lives.abandoned(Date.now())).toEqual([{ uuid: A, term: 2 }])
  })

  describe('a node that does not hear of what others broadcast', () => {
    /** One that appends, and one that follows the room and is told nothing of it. */
    async function withDeaf(deaf = node()) {
      const [{ log: near }, { log: far, driver }] = [await node(), await deaf]
      await near.create(A, 'hash')
      vi.spyOn(driver, 'subscribe').mockResolvedValueOnce()
      const recorder = await follow(far)
      await near.append(A, plain('acknowledged'))
      return { near, far, driver, recorder }
    }

    test('[J5] an owner is let in there when the node knows all that was acknowledged', async () => {
      const { far, recorder } = await withDeaf(node(redis.url, CONTRACT_LIMITS, 3_600_000))
      expect(seqs(recorder)).toEqual([])
      expect(await far.takeOver(A, 'hash', 'fresh')).toEqual({ term: 2, handedOver: false })
      expect(seqs(recorder)).toEqual([1])
    })

    test('[J5] so is who joins, and those who join at once cost no more than one', async () => {
      const { far, driver, recorder } = await withDeaf(node(redis.url, CONTRACT_LIMITS, 3_600_000))
      const runs = vi.spyOn(driver, 'run')
      await Promise.all(upTo(100).map(() => far.level(A)))
      expect(seqs(recorder)).toEqual([1])
      expect(runs).toHaveBeenCalledTimes(1)
    })

    test('[J5] an owner is refused, and not taken to be here, where the log is out of reach before that', async () => {
      const { near, far, driver, recorder } = await withDeaf(remote(3_600_000))
      const watching = await follow(near)
      vi.spyOn(driver, 'read').mockRejectedValue(new Error('out of reach'))
      await expect(far.takeOver(A, 'hash', 'fresh')).rejects.toMatchObject({ problem: { code: 'log_unavailable' } })
      expect([seqs(recorder), recorder.stales]).toEqual([[], [true]])
      await eventually(() => expect(watching.presences.at(-1)).toMatchObject({ here: false, term: 2 }))
    })

    test('[J5] who joins while the log is out of reach is let in to what is known, marked as stale', async () => {
      const { far, recorder } = await withDeaf(remote(3_600_000))
      proxy.down()
      await far.level(A)
      expect([seqs(recorder), recorder.stales]).toEqual([[], [true]])
    })
  })

  test('[E2] a node that dies with the owner leaves the room to its grace time, and one that was slow has it back', async () => {
    const [dies, lives] = [await node(), (await node()).log]
    await dies.log.create(A, 'hash')
    const recorder = await follow(lives)
    const swept = () => lives.abandoned(Date.now() - 60_000)
    await dies.driver.close()
    await eventually(async () => {
      expect(await swept()).toEqual([])
      expect(recorder.presences).toMatchObject([{ here: false, term: 1 }])
    })
    expect(await lives.abandoned(Date.now())).toEqual([{ uuid: A, term: 1 }])
    expect(await lives.takeOver(A, 'hash', 'fresh')).toMatchObject({ term: 2 })
    expect(await lives.abandoned(Date.now())).toEqual([])
  })

  test('[E2] a node whose owner was displaced does not keep the room for the next one, whose node dies', async () => {
    const [first, dies] = [(await node()).log, await node()]
    await first.create(A, 'hash')
    await dies.log.takeOver(A, 'hash', 'fresh')
    const recorder = await follow(first)
    await dies.driver.close()
    await eventually(async () => {
      expect(await first.abandoned(0)).toEqual([])
      expect(recorder.presences).toMatchObject([{ here: false, term: 2 }])
    })
  })

  test('[E2] a node that has been displaced does not speak for the one that came after it, and dies', async () => {
    const [displaced, dies, lives] = [(await node()).log, await node(), (await node()).log]
    await displaced.create(A, 'hash')
    const told = await follow(displaced)
    await dies.log.takeOver(A, 'hash', 'fresh')
    await eventually(() => expect(told.presences).toMatchObject([{ term: 2 }]))
    await dies.driver.close()
    await eventually(async () => {
      await lives.abandoned(0)
      expect(told.presences).toMatchObject([{ here: true, term: 2 }, { here: false }])
    })
  })

  test('[E2] an owner that is back with its old term does not lose its room to who thought it abandoned', async () => {
    const [slow, other] = [(await remote()).log, (await node()).log]
    await slow.create(A, 'hash')
    const recorder = await follow(other)
    proxy.down()
    const abandoned = await eventually(async () => {
      const found = await other.abandoned(Date.now())
      expect(found).toEqual([{ uuid: A, term: 1 }])
      return found
    })
    proxy.isDown = false
    await eventually(() => expect(recorder.presences.at(-1)).toMatchObject({ here: true, term: 1 }))
    await expect(other.end(A, abandoned[0]!.term, 'room_abandoned')).rejects.toMatchObject({
      problem: { code: 'displaced' },
    })
    await slow.append(A, plain('still mine'))
  })

  test('[E2] nodes whose clocks differ agree on how long an owner has been gone', async () => {
    const [grace, minutes] = [120_000, 60_000]
    const clocks = [-10 * minutes, 0, 10 * minutes]
    const nodes = await Promise.all(clocks.map((ahead) => openRedisLog([redis.url], { prefix, lease: LEASE, ahead })))
    opened.push(...nodes)
    const found = (after: number) =>
      Promise.all(nodes.map(({ log }, i) => log.abandoned(Date.now() + clocks[i]! + after - grace)))
    for (const [i, { log }] of nodes.entries()) {
      await log.create(A, 'hash')
      await log.ownerLeft(A, 1, Date.now() + clocks[i]!)
      expect(await found(grace - 5000)).toEqual([[], [], []])
      expect(await found(grace + 5000)).toEqual(clocks.map(() => [{ uuid: A, term: 1 }]))
      await log.end(A, 1, 'room_abandoned')
    }
  })

  test('[E2] a room that is out of reach costs the others nothing', async () => {
    const { log, driver } = await node()
    for (const uuid of [A, B, C]) {
      await log.create(uuid, 'hash')
      await log.ownerLeft(uuid, 1, Date.now())
    }
    const run = driver.run.bind(driver)
    const running = vi.spyOn(driver, 'run').mockImplementation(async (script, keys, args) => {
      if (keys[0]!.includes(A)) throw new Error('out of reach')
      return run(script, keys, args)
    })
    const found = await log.abandoned(Date.now())
    running.mockRestore()
    expect(found.map(({ uuid }) => uuid).sort()).toEqual([B, C])
  })

  test('what a room is told holds, where its place among the rooms cannot be told as well', async () => {
    const [{ log, driver }, { log: other }] = [await node(), await node()]
    const run = driver.run.bind(driver)
    const running = vi.spyOn(driver, 'run')
    const withoutIndex = async (ask: () => Promise<unknown>) => {
      running.mockImplementation(async (script, keys, args) => {
        if (keys[0]!.includes('{index}')) throw new Error('out of reach')
        return run(script, keys, args)
      })
      await ask().finally(() => running.mockImplementation(run))
    }
    for (const uuid of [A, B]) await log.create(uuid, 'hash')
    await log.ownerLeft(A, 1, Date.now())
    await withoutIndex(async () => expect(await log.takeOver(A, 'hash', 'fresh')).toMatchObject({ term: 2 }))
    await eventually(async () => expect(await other.abandoned(Date.now())).toEqual([]))
    await withoutIndex(() => log.ownerLeft(A, 2, Date.now()))
    await eventually(async () => expect(await other.abandoned(Date.now())).toEqual([{ uuid: A, term: 2 }]))
    await withoutIndex(() => log.end(A, 2, 'room_closed'))
    await withoutIndex(() => log.end(B, 1, 'room_closed'))
    await eventually(async () => {
      await other.abandoned(Date.now())
      expect(await redis.keys(`${prefix}*`)).toEqual([])
    })
  })

  test('[E2] a node that was taken for dead says that its owner has been here all the time', async () => {
    const [slow, other] = [(await remote()).log, (await node()).log]
    await slow.create(A, 'hash')
    const recorder = await follow(other)
    proxy.down()
    await eventually(async () => {
      await other.abandoned(0)
      expect(recorder.presences).toMatchObject([{ here: false }])
    })
    proxy.isDown = false
    await eventually(() => expect(recorder.presences).toMatchObject([{ here: false }, { here: true, term: 1 }]))
    expect(await other.abandoned(Date.now())).toEqual([])
    await eventually(() => slow.append(A, plain('still mine')))
  })

  test('[B2] however many come with a wrong key, the owner does not wait for them', async () => {
    const { log, driver } = await node()
    await log.create(A, 'hash')
    const asked = Promise.withResolvers<void>()
    const run = driver.run.bind(driver)
    vi.spyOn(driver, 'run').mockImplementation(async (script, keys, args) => {
      if (script === HOLDS_KEY) await asked.promise
      return run(script, keys, args)
    })
    const tries = Array.from({ length: 100 }, (_, n) => log.takeOver(A, `wrong ${n}`, 'fresh'))
    expect(await log.append(A, plain('meanwhile'))).toEqual({ seq: 1 })
    asked.resolve()
    expect(new Set(await Promise.all(tries))).toEqual(new Set([undefined]))
    expect(await log.takeOver(A, 'hash', 'fresh')).toEqual({ term: 2, handedOver: false })
  })

  test('[E2] an owner that was taken to be gone is back, also where the index could not be told at the time', async () => {
    const [silent, sweeping] = [await node(), await node()]
    await silent.log.create(A, 'hash')
    const recorder = await follow(sweeping.log)
    const beats = failing(silent.driver, BEAT)
    const places = failing(sweeping.driver, PLACE)
    await eventually(async () => {
      await sweeping.log.abandoned(0)
      expect(places.refused).toBeGreaterThan(1)
    })
    places.stop()
    beats.stop()
    await eventually(() => expect(beats.passed).toBeGreaterThan(1))
    await sweeping.log.abandoned(0)
    await eventually(() => expect(recorder.presences.at(-1)?.here ?? true).toBe(true))
  })

  test('[E2] a room whose owner speaks is not abandoned, although its node is never heard to say that the owner is here', async () => {
    const [hangs, other] = [await node(), (await node()).log]
    await hangs.log.create(A, 'hash')
    const recorder = await follow(other)
    const beats = failing(hangs.driver, BEAT)
    const grace = 3 * LEASE
    const end = Date.now() + 3 * (LEASE + grace)
    for (let n = 1; Date.now() < end; n++) {
      expect(await hangs.log.append(A, plain(`${n}`))).toEqual({ seq: n })
      for (let looks = 0; looks < 5; looks++) {
        const abandoned = await other.abandoned(Date.now() - grace)
        expect(abandoned).toEqual([])
        await new Promise((resolve) => setTimeout(resolve, LEASE / 5))
      }
    }
    expect(beats.refused).toBeGreaterThan(3)
    expect(recorder.endedBy).toBeUndefined()
  })

  test('[E2] who finds a room abandoned does not end it when its owner, or somebody else for it, has spoken since', async () => {
    const [dead, feeding, other] = [await node(), (await node()).log, (await node()).log]
    for (const uuid of [A, B]) await dead.log.create(uuid, 'hash')
    await dead.driver.close()
    await eventually(async () => expect(await other.abandoned(Date.now() + 60_000)).toHaveLength(2))
    await feeding.append(A, plain('owner'))
    await feeding.append(B, plain('fed', { term: Number.MAX_SAFE_INTEGER, at: Date.now() }))
    for (const uuid of [A, B])
      await expect(other.end(uuid, 1, 'room_abandoned')).rejects.toMatchObject({ problem: { code: 'displaced' } })
  })

  test('[E2] an owner whose node has its connection back is said to be here at once, whenever a beat would be due', async () => {
    const [far, near] = [await remote(3_600_000), await node()]
    await far.log.create(A, 'hash')
    const recorder = await follow(near.log)
    proxy.cut()
    await redis.command('HSET', `${prefix}{${A}}:room`, 'left', String(Date.now()))
    await redis.command('HDEL', `${prefix}{index}:nodes`, A)
    await eventually(async () => expect(await redis.command('HGET', `${prefix}{${A}}:room`, 'left')).toBeNull())
    await eventually(() => expect(recorder.presences.at(-1)).toMatchObject({ here: true, term: 1 }))
  })

  test('[E2] an owner that is here says so at once to whoever takes it for gone', async () => {
    const [owning, other] = [await node(redis.url, CONTRACT_LIMITS, 3_600_000), await node()]
    await owning.log.create(A, 'hash')
    const recorder = await follow(owning.log)
    await other.driver.run(ORPHAN, keysOf(A), [String(Date.now())])
    await eventually(() => expect(recorder.presences).toMatchObject([{ here: false }, { here: true, term: 1 }]))
    expect(await redis.command('HGET', `${prefix}{${A}}:room`, 'left')).toBeNull()
  })

  test('[E2] while nobody looked no owner could come back: grace times count anew from when somebody does', async () => {
    const { log } = await node()
    await log.create(A, 'hash')
    await log.ownerLeft(A, 1, Date.now() - 60_000)
    const graceIsOver = () => log.abandoned(Date.now() - 30_000)
    expect(await graceIsOver()).toEqual([{ uuid: A, term: 1 }])
    await redis.command('HSET', `${prefix}{index}:watch`, 'swept', String(Date.now() - 10 * LEASE))
    expect(await graceIsOver()).toEqual([])
    expect(await log.abandoned(Date.now() + 60_000)).toEqual([{ uuid: A, term: 1 }])
  })

  test('[E2] the same where the nodes ended before one of them had looked for the first time', async () => {
    const { log } = await node()
    await log.create(A, 'hash')
    await log.ownerLeft(A, 1, Date.now() - 60_000)
    await redis.command('HSET', `${prefix}{index}:watch`, 'swept', String(Date.now() - 10 * LEASE))
    expect(await log.abandoned(Date.now() - 30_000)).toEqual([])
    await redis.command('DEL', `${prefix}{index}:watch`)
    expect(await log.abandoned(Date.now() - 30_000)).toEqual([])
  })

  test('[E2] rooms that no node looks after are kept for a week at the least', async () => {
    const { log } = await node()
    await log.create(A, 'hash')
    await log.append(A, stored('x', 'k', 'append', { id: 'i' }))
    await log.ownerLeft(A, 1, Date.now())
    await log.abandoned(0)
    const keys = await redis.keys(`${prefix}*`)
    expect(keys.length).toBeGreaterThan(5)
    for (const key of keys) {
      expect(Number(await redis.command('PTTL', key)), key).toBeGreaterThan(7 * 86_400_000)
    }
  })

  test('[B2] what waits for the log is bounded, by count and by bytes', async () => {
    const { log } = await node()
    await log.create(A, 'hash')
    const { tailEntries, tailBytes } = CONTRACT_LIMITS
    for (const [bytes, most] of [
      [1, tailEntries],
      [tailBytes, 2],
    ] as const) {
      const asked = Array.from({ length: 3 * tailEntries }, () => log.append(A, plain('x'.repeat(bytes))))
      const outcomes = (await Promise.allSettled(asked)).map(({ status }) => status)
      expect(outcomes.filter((status) => status === 'fulfilled')).toHaveLength(most)
      expect(outcomes.indexOf('rejected')).toBe(most)
    }
  })

  test('what somebody else writes on the channel is passed over', async () => {
    const { log } = await node()
    await log.create(A, 'hash')
    const recorder = await follow(log)
    for (const junk of ['', 'x', '{', '7\n{}\nx', '1\nnot json\nx', '{"kind":"none"}', 'null']) {
      await redis.command('SPUBLISH', `${prefix}{${A}}:news`, junk)
    }
    const { log: other } = await node()
    await other.append(A, plain('real'))
    await eventually(() => expect(recorder.entries).toMatchObject([{ body: 'real', seq: 1 }]))
    expect(recorder.restarts).toEqual([])
    await other.append(A, plain('more'))
    await eventually(() => expect(seqs(recorder)).toEqual([1, 2]))
  })

  test('rooms that ended leave no key', async () => {
    const { log } = await node()
    for (const n of upTo(5)) {
      const uuid = A.replace(/.$/, String(n))
      await log.create(uuid, 'hash')
      await log.append(uuid, stored('x', 'k', 'append', { id: 'i' }))
      await log.ownerLeft(uuid, 1, Date.now())
    }
    expect(await redis.keys(`${prefix}*`)).not.toEqual([])
    for (const { uuid, term } of await log.abandoned(Date.now() + 1)) await log.end(uuid, term, 'room_abandoned')
    expect(await redis.keys(`${prefix}*`)).toEqual([])
  })

  test('every key expires', async () => {
    const { log } = await node()
    await log.create(A, 'hash')
    await log.append(A, stored('x', 'k', 'append', { id: 'i' }))
    await log.abandoned(0)
    const keys = await redis.keys(`${prefix}*`)
    expect(keys).toHaveLength(7)
    for (const key of keys) expect(Number(await redis.command('PTTL', key))).toBeGreaterThan(60_000)
  })

  test('memory that is full refuses what stores, changes nothing, and lets rooms end', async () => {
    const { log, news } = await node()
    await log.create(A, 'hash')
    await log.append(A, stored('x', 'k'))
    await redis.command('CONFIG', 'SET', 'maxmemory', '1')
    try {
      await expect(log.append(A, stored('y', 'k'))).rejects.toMatchObject({ problem: { code: 'log_unavailable' } })
      expect(news.at(-1)).toContain('OOM')
      const { snapshot } = await follow(log)
      expect(snapshot).toMatchObject({ seq: 1, state: [{ body: 'x' }] })
      await log.end(A, 1, 'room_closed')
    } finally {
      await redis.command('CONFIG', 'SET', 'maxmemory', '0')
    }
    expect(await redis.keys(`${prefix}*`)).toEqual([])
  })
})

describeWithRedis('a Redis that fails over', () => {
  test('what it has lost is not passed off as what was: another epoch, and the state as it is', async () => {
    const master = await startRedis()
    const replica = await startReplica(master)
    const proxy = await TcpProxy.to(master.port)
    const prefix = freshPrefix()
    const nodes = await Promise.all(
      [1, 2].map(() => openRedisLog([proxy.url.replace('http', 'redis')], { prefix, lease: LEASE })),
    )
    const [one, two] = nodes.map(({ log }) => log) as [RedisLog, RedisLog]
    try {
      await one.create(A, 'hash')
      const recorders = [await follow(one), await follow(two)]
      await one.append(A, stored('kept', 'k'))
      await replica.untilLinked()
      await eventually(async () => expect(await replica.command('HGET', `${prefix}{${A}}:room`, 'seq')).toBe('1'))
      await replica.promote()
      for (const n of [2, 3, 4]) await one.append(A, stored(`lost ${n}`, `lost ${n}`))
      await eventually(() => expect(seqs(recorders[1]!)).toEqual([1, 2, 3, 4]))
      proxy.retarget(replica.port)
      await eventually(() => two.append(A, stored('new', 'new')))
      for (const recorder of recorders) {
        await eventually(() => {
          const { epoch, seq, state } = recorder.restarts.at(-1)!
          expect(epoch).not.toBe(recorder.snapshot.epoch)
          const news = recorder.entries.filter((entry) => entry.seq > seq && entry.body === 'new')
          expect([...state, ...news]).toMatchObject([{ body: 'kept' }, { body: 'new', seq: 2 }])
        })
      }
    } finally {
      await Promise.all(nodes.map(({ log }) => log.close()))
      await proxy.close()
      await Promise.all([master.stop(), replica.stop()])
    }
  })

  test('[O3] whom it has displaced and does not know of any more, stays displaced, and so does the next', async () => {
    const master = await startRedis()
    const replica = await startReplica(master)
    const proxy = await TcpProxy.to(master.port)
    const prefix = freshPrefix()
    const nodes = await Promise.all(
      upTo(3).map(() => openRedisLog([proxy.url.replace('http', 'redis')], { prefix, lease: LEASE })),
    )
    const [one, two, three] = nodes.map(({ log }) => log) as [RedisLog, RedisLog, RedisLog]
    const refused = { problem: { code: 'displaced' } }
    try {
      await one.create(A, 'hash')
      const recorder = await follow(two)
      await one.append(A, plain('kept'))
      await eventually(async () => expect(await replica.command('HGET', `${prefix}{${A}}:room`, 'seq')).toBe('1'))
      await replica.promote()
      expect(await two.takeOver(A, 'hash', 'fresh')).toMatchObject({ term: 2 })
      proxy.retarget(replica.port)
      await eventually(() => expect(recorder.restarts).toMatchObject([{ term: 2 }]))
      await expect(one.append(A, plain('first', { term: 1 }))).rejects.toMatchObject(refused)
      await two.append(A, plain('second', { term: 2 }))
      expect(await three.takeOver(A, 'hash', 'fresh')).toMatchObject({ term: 3 })
      await expect(two.append(A, plain('second', { term: 2 }))).rejects.toMatchObject(refused)
      await eventually(() => expect(recorder.presences.at(-1)).toMatchObject({ term: 3 }))
    } finally {
      await Promise.all(nodes.map(({ log }) => log.close()))
      await proxy.close()
      await Promise.all([master.stop(), replica.stop()])
    }
  })

  test('[E2] an owner whose return it has lost is here, not gone', async () => {
    const master = await startRedis()
    const replica = await startReplica(master)
    const proxy = await TcpProxy.to(master.port)
    const prefix = freshPrefix()
    const nodes = await Promise.all(
      upTo(2).map(() => openRedisLog([proxy.url.replace('http', 'redis')], { prefix, lease: 3_600_000 })),
    )
    const [one, two] = nodes.map(({ log }) => log) as [RedisLog, RedisLog]
    const left = () => replica.command('HGET', `${prefix}{${A}}:room`, 'left')
    try {
      await one.create(A, 'hash')
      await one.ownerLeft(A, 1, Date.now())
      const recorders = [await follow(one), await follow(two)]
      await eventually(async () => expect(await left()).not.toBeNull())
      await replica.promote()
      expect(await two.takeOver(A, 'hash', 'fresh')).toMatchObject({ term: 2 })
      await eventually(() => expect(recorders[0]!.presences).toMatchObject([{ here: true, term: 2 }]))
      proxy.retarget(replica.port)
      for (const recorder of recorders)
        await eventually(() => expect(recorder.restarts.at(-1)).toMatchObject({ term: 2, ownerHere: true }))
      expect(await left()).toBeNull()
    } finally {
      await Promise.all(nodes.map(({ log }) => log.close()))
      await proxy.close()
      await Promise.all([master.stop(), replica.stop()])
    }
  })

  describe('one that keeps nothing', () => {
    test('has lost its rooms when it comes back: they end, and say so', async () => {
      const redis = await startRedis({ isDurable: false })
      const { log } = await openRedisLog([redis.url])
      try {
        await log.create(A, 'hash')
        const recorder = await follow(log)
        await redis.kill()
        await redis.restart()
        await eventually(() => expect(recorder.endedBy).toBe('room_lost'))
      } finally {
        await log.close()
        await redis.stop()
      }
    })

    test('is not taken at all where it would throw rooms away', async () => {
      const redis = await startRedis({ args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] })
      try {
        await expect(openRedisLog([redis.url])).rejects.toThrow('noeviction')
      } finally {
        await redis.stop()
      }
    })
  })
})
