import { type Presentation, present, type RoomcastError } from '../../src/sdk/index.ts'
import { happening, until } from '../support/events.ts'
import type { Random } from '../support/random.ts'
import { Follower } from './follower.ts'
import { broken, type Sent } from './promises.ts'
import type { Script } from './view.ts'

/** Broadcasts that a presenter has under way before it waits for an answer. */
const UNDER_WAY = 32

const DECKS = ['a', 'b', 'c']

/** Milliseconds in which all has to be level after the last fault. */
const LEVEL_WITHIN = 60_000

/** Milliseconds in which the count of listeners has to be right. */
const COUNT_WITHIN = 20_000

/** Refusals that leave open whether the broadcast was stored; every other one breaks a promise. */
const OPEN = ['log_unavailable', 'not_delivered', 'displaced', 'rate_limited']

export interface ShowOptions {
  readonly random: Random
  /** Where clients connect. */
  readonly url: string
  readonly followers: number
  /** Milliseconds that the presenter sometimes says nothing for, so that a room can be put to sleep. */
  readonly silence?: number
}

/** One room with a presenter who never stops, and followers who come and go, all by the SDK. */
export class Show {
  readonly faults: string[] = []
  readonly #options: ShowOptions
  readonly #sent: Sent[] = []
  readonly #violations: string[] = []
  #room: Presentation<Script>
  #followers: Follower[] = []
  #n = 0
  #isOn = true
  #isTakingOver = false
  #running: Promise<unknown>[] = []

  private constructor(options: ShowOptions, room: Presentation<Script>) {
    this.#options = options
    this.#room = room
    this.#watch(room)
  }

  static async start(options: ShowOptions): Promise<Show> {
    const show = new Show(options, await present<Script>(options.url))
    for (let n = 0; n < options.followers; n++) show.#admit()
    show.#running = [show.#speak(), show.#comeAndGo()]
    return show
  }

  get uuid(): string {
    return this.#room.uuid
  }

  get broadcasts(): number {
    return this.#sent.length
  }

  get acknowledged(): number {
    return this.#sent.filter(({ outcome }) => outcome === 'acknowledged').length
  }

  /** The owner comes anew, from another place, with the same key: who was there is displaced, and says so. */
  async takeOver(): Promise<void> {
    if (this.#isTakingOver || !this.#isOn) return
    this.#isTakingOver = true
    const former = this.#room
    const { uuid, ownerKey } = former
    while (this.#isOn) {
      try {
        const rival = await present<Script>(this.#options.url, { uuid, ownerKey })
        // One whose line was gone at that moment comes back by itself, with the same key: then the rival is displaced.
        const loser = await Promise.race([over(former), over(rival)])
        if (loser.ending!.code !== 'displaced') this.faults.push(`a former owner was told ${loser.ending!.code}`)
        if (loser === former) this.#watch(rival)
        break
      } catch (error) {
        const { code } = error as RoomcastError
        if (code === 'take_back_refused') this.faults.push('the owner was refused its room')
        if (code === 'take_back_refused' || code === 'room_not_found') break
      }
    }
    this.#isTakingOver = false
  }

  /** Everyone comes to rest, and is compared with what was acknowledged. */
  async check(addresses: readonly string[]): Promise<void> {
    this.#isOn = false
    await Promise.all(this.#running)
    await this.#step('answers', () =>
      until(() => this.#sent.every(({ outcome }) => outcome !== 'under way'), LEVEL_WITHIN),
    )
    if (this.#room.status === 'ended') return
    await this.#step('a last broadcast', async () => {
      const last = await this.#sayLast()
      const late = addresses.map((address) => new Follower(address, this.uuid, this.#violations))
      this.#followers.push(...late)
      const isLevel = () => this.#followers.every(({ view }) => view.slide('last') === last)
      await until(isLevel, LEVEL_WITHIN).catch((error) => {
        const behind = this.#followers.filter(({ view }) => view.slide('last') !== last)
        const statuses = behind.map(({ following }) => following.ending?.code ?? following.status)
        throw new Error(`${behind.length} of ${this.#followers.length} are not level: ${statuses}`, { cause: error })
      })
    })
    for (const { view } of this.#followers) this.faults.push(...broken(view, this.#sent))
    const views = new Set(this.#followers.map(({ view }) => `${view}`))
    if (views.size > 1) this.faults.push(`followers show different things: ${[...views].join(' | ').slice(0, 2000)}`)
    this.faults.push(...this.#violations.map((violation) => `on the wire: ${violation}`))
    await this.#step('the count', () => this.#checkCount())
  }

  /** The owner ends it. Resolves when its followers know. */
  async close(): Promise<void> {
    this.#isOn = false
    await Promise.all(this.#running)
    if (this.#room.status !== 'ended') await this.#room.close()
  }

  /** The owner goes for good, without a word. */
  async abandon(): Promise<void> {
    this.#isOn = false
    await Promise.all(this.#running)
    this.#room.leave()
  }

  /** Rejects when a follower has not been told of the end within `ms`. */
  async untilOver(ms: number): Promise<void> {
    await until(() => this.#followers.every(({ following }) => following.status === 'ended'), ms).catch(() => {
      const codes = this.#followers.map(({ following }) => following.ending?.code ?? following.status)
      this.faults.push(`the room ${this.uuid} is not over after ${ms} ms: ${codes}`)
    })
  }

  leave(): void {
    this.#isOn = false
    this.#room.leave()
    for (const follower of this.#followers) follower.leave()
  }

  async #checkCount(): Promise<void> {
    await until(() => this.#room.listeners === this.#followers.length, COUNT_WITHIN).catch(() => {
      throw new Error(`the owner counts ${this.#room.listeners} listeners of ${this.#followers.length}`)
    })
  }

  async #step(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      const { status, ending } = this.#room
      this.faults.push(`${what}: ${(error as Error).message} (the owner is ${ending?.code ?? status})`)
    }
  }

  #watch(room: Presentation<Script>): void {
    this.#room = room
    room.when('problem', (problem) => {
      if ((problem as RoomcastError).code !== 'broadcasts_lost') return
      // It was said: what was acknowledged until then may be gone.
      for (const sent of this.#sent) if (sent.outcome === 'acknowledged') sent.outcome = 'unknown'
    })
    room.when('status', (status) => {
      if (status !== 'ended' || this.#room !== room || this.#isTakingOver) return
      const { code } = room.ending!
      if (this.#isOn) this.faults.push(`the owner's room ended: ${code}`)
    })
  }

  #admit(): void {
    this.#followers.push(new Follower(this.#options.url, this.uuid, this.#violations))
  }

  async #speak(): Promise<void> {
    const { random, silence } = this.#options
    while (this.#isOn) {
      await pause(random.below(60))
      if (silence !== undefined && random.chance(0.004)) await this.#rest(silence)
      const underWay = this.#sent.filter(({ outcome }) => outcome === 'under way').length
      if (!this.#isOn || underWay >= UNDER_WAY || this.#room.status === 'ended') continue
      this.#say(random.below(100))
    }
  }

  async #rest(ms: number): Promise<void> {
    const end = Date.now() + ms
    while (this.#isOn && Date.now() < end) await pause(50)
  }

  #say(dice: number): void {
    const deck = this.#options.random.pick(DECKS)
    if (dice < 45) this.#send('slide', deck, (n) => this.#room.key(deck).state('slide', n))
    else if (dice < 65) this.#send('note', undefined, (n) => this.#room.append('note', n))
    else if (dice < 68) this.#send('clear', undefined, (n) => this.#room.clear('note', n))
    else this.#send('tick', undefined, (n) => this.#room.broadcast('tick', n))
  }

  #send(kind: Sent['kind'], deck: string | undefined, say: (n: number) => Promise<void>): void {
    const sent: Sent = { n: ++this.#n, kind, deck, outcome: 'under way' }
    this.#sent.push(sent)
    say(sent.n).then(
      () => {
        sent.outcome = 'acknowledged'
      },
      (error: RoomcastError) => {
        sent.outcome = 'unknown'
        const isOver = this.#room.status === 'ended'
        if (!OPEN.includes(error.code) && !isOver)
          this.faults.push(`a broadcast was refused: ${error.code}, ${error.message}`)
      },
    )
  }

  /** One that is acknowledged, however often it has to be said. */
  async #sayLast(): Promise<number> {
    const end = Date.now() + LEVEL_WITHIN
    for (;;) {
      const n = ++this.#n
      try {
        await within(end - Date.now(), this.#room.key('last').state('slide', n))
        return n
      } catch (error) {
        if (Date.now() > end) throw new Error('it was not acknowledged', { cause: error })
        await pause(200)
      }
    }
  }

  async #comeAndGo(): Promise<void> {
    const { random, followers } = this.#options
    while (this.#isOn) {
      await pause(200 + random.below(800))
      if (!this.#isOn) return
      if (random.chance(0.5) && this.#followers.length < 2 * followers) this.#admit()
      else if (this.#followers.length > 1) {
        const [gone] = this.#followers.splice(random.below(this.#followers.length), 1)
        gone!.leave()
      }
    }
  }
}

async function over(room: Presentation<Script>): Promise<Presentation<Script>> {
  if (room.status !== 'ended') {
    await within(
      LEVEL_WITHIN,
      happening(room, 'status', (status) => status === 'ended'),
    )
  }
  return room
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), Math.max(0, ms))
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
