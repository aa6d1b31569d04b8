import { describe, expect, type TestContext, test } from 'vitest'
import { type End, MortalServer } from '../support/mortal-server.ts'
import { Random, seedOfRun } from '../support/random.ts'
import { describeWithRedis, startRedis } from '../support/redis.ts'
import { type Message, message, say, TestSocket } from '../support/socket.ts'

/** Kills, and orderly stops, of each: `ENDINGS=50` for many. */
const ENDINGS = Number(process.env.ENDINGS ?? 10)

/** Seconds. */
const GRACE = 3

/** Milliseconds that a server is away: seldom for longer than the grace time, and then its owner is slow to come back. */
const AWAY = { most: 300, long: 3500, chance: 0.15, slow: 1200 }

/** Broadcasts of an owner that wait for their answer. */
const UNDER_WAY = 8

const passes = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** A client that has said `first` and been answered. It comes again while a server that has just started cannot reach its log. */
async function enter(url: string, first: object): Promise<{ socket: TestSocket; welcome: Message }> {
  for (;;) {
    const socket = await TestSocket.connect(`${url}/broadcasting`)
    socket.send(first)
    const welcome = await socket.next()
    const code = welcome.event !== undefined && 'code' in welcome.event ? welcome.event.code : undefined
    if (code !== 'room_unavailable') return { socket, welcome }
    await passes(20)
  }
}

/** An owner that says its numbers one after the other, in all lives of its server, until each is acknowledged. */
class Counter {
  readonly uuid: string
  readonly ownerKey: string
  /** The seq of each number that was acknowledged. */
  readonly places = new Map<number, number>()
  #said = 0
  #unanswered = new Set<number>()
  #position: { epoch: string; seq: number }
  #isOver = false

  constructor(welcome: Message) {
    this.uuid = welcome.uuid
    this.ownerKey = welcome.ownerKey!
    this.#position = welcome.position!
  }

  /** Takes the room back, and goes on counting until the line is gone, or it is told to finish and all is answered. */
  async count(url: string): Promise<void> {
    const { uuid, ownerKey } = this
    const { socket, welcome } = await enter(url, message(1, { uuid, ownerKey, since: this.#position }))
    expect(welcome).toMatchObject({ role: 'owner', recovered: true })
    for (const n of this.#unanswered) this.#say(socket, n)
    try {
      for (;;) {
        while (!this.#isOver && this.#unanswered.size < UNDER_WAY) this.#say(socket, ++this.#said)
        if (this.#unanswered.size === 0) return
        const { event } = await socket.nextEvent('ack')
        const { id, position } = event as unknown as { id: string; position: { epoch: string; seq: number } }
        this.#unanswered.delete(Number(id))
        this.places.set(Number(id), position.seq)
        this.#position = position
      }
    } catch {
      // The line is gone.
    } finally {
      socket.close()
    }
  }

  finish(): void {
    this.#isOver = true
  }

  #say(socket: TestSocket, n: number): void {
    this.#unanswered.add(n)
    socket.send(say(this.uuid, 'count', [n], { stateMessage: true, id: `${n}` }))
  }
}

/** A listener that comes back to where it was, and writes down what it hears. */
class Hearer {
  readonly heard: { readonly n: number; readonly seq: number }[] = []
  #position: { epoch: string; seq: number } | undefined

  /** Resolves with the count that it was shown or knew when it came, and then hears on until the line is gone. */
  async join(url: string, uuid: string): Promise<{ at: number; gone: Promise<void> }> {
    const { socket, welcome } = await enter(url, message(2, { uuid, since: this.#position }))
    expect(welcome).toMatchObject({ role: 'listener', recovered: this.#position !== undefined })
    const { position, replay } = welcome
    for (let n = 0; n < Number(replay); n++) await this.#hear(socket)
    this.#position = position!
    return { at: this.heard.at(-1)?.n ?? 0, gone: this.#hearOn(socket) }
  }

  async #hearOn(socket: TestSocket): Promise<void> {
    try {
      for (;;) await this.#hear(socket)
    } catch {
      // The line is gone.
    }
  }

  async #hear(socket: TestSocket): Promise<void> {
    const { funcParams, seq } = await socket.nextBroadcast()
    this.heard.push({ n: Number(funcParams[0]), seq: seq! })
    if (this.#position !== undefined) this.#position = { ...this.#position, seq: seq! }
  }
}

/** Ends a server and starts it again, in an order and with downtimes that a seed decides, while an owner counts. */
async function endAgainAndAgain(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  { each, env = {} }: { each: number; env?: Record<string, string> },
): Promise<void> {
  const seed = seedOfRun()
  const random = new Random(seed)
  const server = await MortalServer.start({ GRACE_SECONDS: String(GRACE), ...env })
  onTestFinished(() => server.stop())
  const counter = new Counter((await enter(server.url, message(1))).welcome)
  const hearer = new Hearer()
  const ends: End[] = Array.from({ length: 2 * each }, (_, i) => (i < each ? 'SIGKILL' : 'SIGTERM'))
  for (let round = 0; ends.length > 0; round++) {
    const where = `round ${round}, SEED=${seed}`
    const { at, gone } = await hearer.join(server.url, counter.uuid)
    expect(at, where).toBeGreaterThanOrEqual(Math.max(0, ...counter.places.keys()))
    const counting = counter.count(server.url)
    const reached = counter.places.size + 1 + random.below(100)
    while (counter.places.size < reached) await passes(5)
    await server.end(ends.splice(random.below(ends.length), 1)[0]!)
    await Promise.all([counting, gone])
    const isLong = random.chance(AWAY.chance)
    await passes(isLong ? AWAY.long : random.below(AWAY.most))
    await server.start()
    if (isLong) await passes(AWAY.slow)
  }
  counter.finish()
  const { gone } = await hearer.join(server.url, counter.uuid)
  await counter.count(server.url)
  const total = counter.places.size
  while (hearer.heard.at(-1)?.n !== total) await passes(5)
  expect(hearer.heard, `SEED=${seed}`).toEqual(Array.from({ length: total }, (_, i) => ({ n: i + 1, seq: i + 1 })))
  for (const { n, seq } of hearer.heard) expect(counter.places.get(n), `SEED=${seed}`).toBe(seq)
  await server.end('SIGTERM')
  await gone
}

describe('[O2] [R5] [C3] [E2] kills and orderly stops with random downtimes lose nothing acknowledged', () => {
  test(`SQLite, ${ENDINGS} of each`, { timeout: ENDINGS * 10_000 }, (context) =>
    endAgainAndAgain(context, { each: ENDINGS }),
  )

  describeWithRedis('Redis', () => {
    const each = Math.ceil(ENDINGS / 2)

    test(`${each} of each`, { timeout: each * 10_000 }, async (context) => {
      const redis = await startRedis()
      await endAgainAndAgain(context, { each, env: { REDIS_URL: redis.url } }).finally(() => redis.stop())
    })
  })
})
