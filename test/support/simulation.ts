import type { Draft, RoomLog } from '../../src/room/ports.ts'
import { House, type Member, type SteppedConnection, settle } from './doubles.ts'
import type { Random } from './random.ts'
import { type Message, message } from './socket.ts'

/** What of a broadcast the checks compare. */
export interface Said {
  readonly seq: number
  readonly term: number
  readonly id: string | undefined
  readonly text: string
}

const LIMITS = { highWaterMark: 600, tailEntries: 12, tailBytes: 4000, stateEntries: 40, grace: 1000 }

/** Broadcasts that an owner has under way at one time: fewer than the tail remembers ids of. */
const WINDOW = 8

/** A promise was broken. */
export class Broken extends Error {}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Broken(what)
}

/** What someone shows: per key all that is stored under it, as an application keeps it. */
export class View {
  readonly #byKey = new Map<string, string[]>()

  apply({ funcKey, funcParams, retain = 'latest', stateMessage }: Message): void {
    if (!stateMessage) return
    const value = JSON.stringify(funcParams)
    if (retain === 'append') this.#byKey.set(funcKey, [...(this.#byKey.get(funcKey) ?? []), value])
    else if (retain === 'latest') this.#byKey.set(funcKey, [value])
    else this.#byKey.delete(funcKey)
  }

  toString(): string {
    return JSON.stringify([...this.#byKey].sort())
  }
}

/** Writes down what the log has taken, in its order: the truth that everyone has to end up with. */
class Witness {
  readonly log: RoomLog
  readonly said: Said[]

  /** `past` is what the log took before this process. */
  constructor(log: RoomLog, past: readonly Said[]) {
    this.said = [...past]
    this.log = Object.create(log, {
      append: {
        value: async (uuid: string, draft: Draft) => {
          const { seq } = await log.append(uuid, draft)
          const { term, id, body } = draft
          if (seq > (this.said.at(-1)?.seq ?? 0)) this.said.push({ seq, term, id, text: `{${body}` })
          return { seq }
        },
      },
    }) as RoomLog
    // The log's own fields are private to it: its other methods are called on itself.
    for (const name of [
      'create',
      'follow',
      'unfollow',
      'takeOver',
      'offerHandover',
      'ownerLeft',
      'abandoned',
      'end',
      'close',
    ] as const) {
      Object.defineProperty(this.log, name, { value: (log[name] as (...a: never[]) => unknown).bind(log) })
    }
  }
}

/** A listener that behaves as the SDK does: keeps its place, comes back with it, starts afresh when told to. */
class SimulatedListener {
  member: Member | undefined
  view = new View()
  last = 0
  #epoch = ''
  #read = 0
  #replay: { left: number; leadsTo: number; missed: number; from: number } | undefined
  /** False: it is somewhere in the middle of a replay, and would have to start afresh. */
  #hasPlace = false

  get since(): object {
    return this.#hasPlace ? { since: { epoch: this.#epoch, seq: this.last } } : {}
  }

  came(member: Member): void {
    this.member = member
    this.#read = 0
    this.#replay = undefined
    this.read()
  }

  dropped(): void {
    if (this.#replay !== undefined) this.#hasPlace = this.#hasPlace && this.#replay.missed >= 0
    this.member = undefined
  }

  /** Takes in what has come, and checks that it came in order. */
  read(): void {
    const { received } = this.member?.connection ?? { received: [] }
    while (this.#read < received.length) this.#take(received[this.#read++]!)
  }

  #take(received: Message): void {
    const { status, funcKey, seq, event } = received
    if (status.value === 5) return this.#hear(event as unknown as LaggedEvent)
    if (status.value !== 3) return
    if (funcKey === '') return this.#welcome(received)
    if (received.replay) return this.#replayed(received)
    check(this.#replay === undefined, `a live broadcast (${seq}) in the middle of a replay`)
    check(seq === this.last + 1, `${seq} came after ${this.last}`)
    this.last = seq!
    this.view.apply(received)
  }

  #welcome({ recovered, replay, position }: Message): void {
    this.#epoch = position!.epoch
    if (recovered) {
      check(
        this.last + Number(replay) === position!.seq,
        `recovered from ${this.last} to ${position!.seq} by ${replay}`,
      )
      return
    }
    this.view = new View()
    this.last = 0
    this.#hasPlace = false
    this.#startReplay(Number(replay), position!.seq, -1)
  }

  #hear(event: LaggedEvent): void {
    if (event.type !== 'lagged') return
    check(event.position.seq >= this.last, `lagged back from ${this.last} to ${event.position.seq}`)
    if (event.reset) {
      this.view = new View()
      this.#hasPlace = false
    }
    this.#startReplay(event.replay, event.position.seq, event.missed)
  }

  #startReplay(left: number, leadsTo: number, missed: number): void {
    this.#replay = { left, leadsTo, missed, from: this.last }
    this.#caught = 0
    this.#finishReplay()
  }

  #caught = 0

  #replayed(received: Message): void {
    const replay = this.#replay
    check(replay !== undefined && replay.left > 0, `a replay of ${received.seq} that was not announced`)
    if (received.seq! > replay!.from) this.#caught++
    this.view.apply(received)
    replay!.left--
    this.#finishReplay()
  }

  #finishReplay(): void {
    const replay = this.#replay
    if (replay === undefined || replay.left > 0) return
    const { from, leadsTo, missed } = replay
    if (missed >= 0)
      check(leadsTo - from === missed + this.#caught, `missed ${missed} of ${leadsTo - from}, and got ${this.#caught}`)
    this.last = leadsTo
    this.#hasPlace = true
    this.#replay = undefined
  }
}

type LaggedEvent = { type: string; missed: number; reset: boolean; replay: number; position: { seq: number } }

/** An owner that behaves as the SDK does: what is not acknowledged is said again. */
class SimulatedOwner {
  member: Member | undefined
  key: string
  readonly unanswered = new Map<string, object>()
  readonly acknowledged: string[] = []
  readonly #underWay = new Set<string>()
  #read = 0

  constructor(key: string) {
    this.key = key
  }

  came(member: Member): void {
    this.member = member
    this.#read = 0
    this.#underWay.clear()
    this.send()
  }

  say(id: string, said: object): void {
    this.unanswered.set(id, said)
    this.send()
  }

  /** Sends what the window has room for. */
  send(): void {
    for (const [id, said] of this.unanswered) {
      if (this.member === undefined || this.#underWay.size >= WINDOW) return
      if (this.#underWay.has(id)) continue
      this.#underWay.add(id)
      this.member.session.receive(JSON.stringify(said))
    }
  }

  read(): void {
    const { received } = this.member?.connection ?? { received: [] }
    for (; this.#read < received.length; this.#read++) {
      const event = received[this.#read]!.event as { type: string; id?: string; code?: string } | undefined
      if (event?.id === undefined) continue
      if (event.type === 'ack') this.acknowledged.push(event.id)
      if (event.type !== 'ack' && event.code !== 'state_full') continue
      this.unanswered.delete(event.id)
      this.#underWay.delete(event.id)
    }
    this.send()
  }
}

/** What a run makes its house of: the log, and how to lose a process that has it. */
export interface Ground {
  log: (house: { clock: House['clock']; secrets: House['secrets'] }) => RoomLog
}

/** One room, its owners and listeners, through a schedule that a seed decides. */
export class Simulation {
  readonly #random: Random
  readonly #ground: Ground
  #house!: House
  #witness: Witness | undefined
  #uuid = ''
  #owner!: SimulatedOwner
  /** Former owners whose lines hang: they go on speaking. */
  readonly #stale: Member[] = []
  readonly #listeners: SimulatedListener[] = []
  readonly #blocked = new Set<SteppedConnection>()
  #count = 0

  constructor(random: Random, ground: Ground) {
    this.#random = random
    this.#ground = ground
  }

  /** Throws `Broken` when a promise is. */
  async run(steps: number): Promise<void> {
    this.#boot()
    const member = await this.#house.open()
    this.#uuid = member.welcome.uuid
    this.#owner = new SimulatedOwner(member.welcome.ownerKey!)
    this.#owner.came(member)
    for (let step = 0; step < steps; step++) await this.#step()
    await this.#converge()
  }

  #boot(): void {
    const house = new House(LIMITS)
    this.#witness = new Witness(this.#ground.log(house), this.#witness?.said ?? [])
    this.#house = new House(LIMITS, this.#witness.log, house)
  }

  async #step(): Promise<void> {
    const random = this.#random
    const action = random.below(100)
    if (action < 40) this.#speak()
    else if (action < 50) this.#house.clock.turn()
    else if (action < 55) this.#owner.read()
    else if (action < 65) await this.#join()
    else if (action < 70) this.#drop(random.pick(this.#listeners))
    else if (action < 80) this.#block()
    else if (action < 87) this.#unblock()
    else if (action < 90) await this.#loseOwner()
    else if (action < 94) await this.#takeBack(random.chance(0.5))
    else if (action < 96) await this.#handOver()
    else if (action < 98) this.#stalePast()
    else await this.#levelAll()
    await settle()
    if (random.chance(0.01)) await this.#crash()
  }

  /** Answers that were still on the way when a line was lost are lost with it. */
  #hearAnswers(): void {
    if (this.#random.chance(0.5)) this.#owner.read()
  }

  #speak(): void {
    const random = this.#random
    const id = `said-${++this.#count}`
    const retain = random.pick(['latest', 'latest', 'append', 'clear'])
    const state = random.chance(0.5) ? { stateMessage: true, retain } : {}
    const said = message(3, {
      uuid: this.#uuid,
      funcKey: `k${random.below(5)}`,
      funcParams: [this.#count, 'x'.repeat(random.below(80))],
      id,
      ...state,
    })
    this.#owner.say(id, said)
  }

  #send(member: Member | undefined, said: object): void {
    member?.session.receive(JSON.stringify(said))
  }

  async #join(): Promise<void> {
    const away = this.#listeners.filter(({ member }) => member === undefined)
    const listener = away.length > 0 && this.#random.chance(0.7) ? this.#random.pick(away) : new SimulatedListener()
    if (!this.#listeners.includes(listener)) this.#listeners.push(listener)
    const { session, connection } = this.#house.connect()
    session.receive(JSON.stringify(message(2, { uuid: this.#uuid, ...listener.since })))
    await settle()
    while (connection.received.length === 0) {
      check(this.#house.clock.turn(), 'no answer to a join')
      await settle()
    }
    listener.came({ session, connection, welcome: connection.received[0]! })
  }

  #drop(listener: SimulatedListener | undefined): void {
    if (listener?.member === undefined) return
    listener.read()
    this.#blocked.delete(listener.member.connection)
    listener.member.session.gone()
    listener.dropped()
  }

  #block(): void {
    const member = this.#random.pick(this.#listeners)?.member
    if (member === undefined) return
    member.connection.block()
    this.#blocked.add(member.connection)
  }

  #unblock(): void {
    const listener = this.#random.pick(this.#listeners)
    const connection = listener?.member?.connection
    if (connection === undefined || !this.#blocked.delete(connection)) return
    connection.unblock()
    listener!.member!.session.drained()
  }

  async #loseOwner(): Promise<void> {
    this.#hearAnswers()
    this.#owner.member?.session.gone()
    this.#owner.member = undefined
  }

  /** The owner comes back, with the old line gone, or hanging where nobody has noticed. */
  async #takeBack(hangs: boolean): Promise<void> {
    this.#hearAnswers()
    const former = this.#owner.member
    if (former !== undefined) {
      if (hangs) this.#stale.push(former)
      else former.session.gone()
    }
    await this.#becomeOwner(this.#owner.key)
  }

  async #becomeOwner(key: string): Promise<void> {
    const member = await this.#house.takeBack(this.#uuid, key)
    check(member.welcome.role === 'owner', `the owner was refused: ${member.welcome.status.text}`)
    this.#owner.key = member.welcome.ownerKey ?? key
    this.#owner.came(member)
  }

  async #handOver(): Promise<void> {
    const heir = this.#random.pick(this.#listeners)?.member
    const owner = this.#owner.member
    if (heir === undefined || owner === undefined || this.#blocked.has(heir.connection)) return
    this.#send(owner, message(3, { uuid: this.#uuid, handover: heir.welcome.clientId }))
    await this.#house.settle()
    const offer = heir.connection.received.findLast(({ event }) => event?.type === 'handover')?.event
    if (offer === undefined) return
    this.#owner.read()
    this.#stale.push(owner)
    await this.#becomeOwner((offer as unknown as { ownerKey: string }).ownerKey)
  }

  /** Whoever was the owner once still speaks, and closes. */
  #stalePast(): void {
    const stale = this.#random.pick(this.#stale)
    this.#send(stale, message(3, { uuid: this.#uuid, funcKey: 'stale', funcParams: [] }))
    if (this.#random.chance(0.2)) this.#send(stale, message(4, { uuid: this.#uuid }))
  }

  /** Everyone who is not held up has everything, whoever else is (promise 5). */
  async #levelAll(): Promise<void> {
    await this.#house.settle()
    const head = this.#said().at(-1)?.seq ?? 0
    for (const listener of this.#listeners) {
      const { member } = listener
      if (member === undefined) continue
      check(member.connection.closed === undefined, `a listener was closed: ${member.connection.closed?.reason}`)
      listener.read()
      if (this.#blocked.has(member.connection)) {
        check(member.connection.backlog < 20_000, `a backlog of ${member.connection.backlog}`)
      } else check(listener.last === head, `a listener stands at ${listener.last}, the room at ${head}`)
    }
  }

  /** The process ends with all its lines, at whatever it was doing; another takes up the same log. */
  async #crash(): Promise<void> {
    for (const listener of this.#listeners) {
      listener.read()
      if (listener.member !== undefined) listener.dropped()
    }
    this.#hearAnswers()
    this.#owner.member = undefined
    this.#blocked.clear()
    this.#stale.length = 0
    this.#boot()
    await this.#becomeOwner(this.#owner.key)
  }

  #said(): Said[] {
    return this.#witness!.said
  }

  /** Everyone comes back, nobody is held up, all that waits is said: then all must show the same (promises 1 and 3). */
  async #converge(): Promise<void> {
    if (this.#owner.member === undefined) await this.#becomeOwner(this.#owner.key)
    for (const listener of this.#listeners) {
      const connection = listener.member?.connection
      if (connection !== undefined && this.#blocked.delete(connection)) {
        connection.unblock()
        listener.member!.session.drained()
      }
    }
    await this.#house.settle()
    for (const listener of this.#listeners) if (listener.member !== undefined) this.#drop(listener)
    while (this.#listeners.some(({ member }) => member === undefined)) await this.#join()
    while (this.#owner.unanswered.size > 0) {
      await this.#house.settle()
      const { size } = this.#owner.unanswered
      this.#owner.read()
      check(this.#owner.unanswered.size < size, `${size} broadcasts were never answered`)
    }
    await this.#levelAll()
    const said = this.#said()
    this.#checkTruth(said)
    const truth = new View()
    for (const { text } of said) truth.apply(JSON.parse(text))
    for (const { view } of this.#listeners)
      check(`${view}` === `${truth}`, `a listener shows ${view}, the owner ${truth}`)
  }

  #checkTruth(said: readonly Said[]): void {
    said.forEach(({ seq, text, term }, i) => {
      check(seq === i + 1, `${seq} stands in place ${i + 1}`)
      check(term >= (said[i - 1]?.term ?? 0), `term ${term} was taken after a newer one`)
      check(!text.includes('"stale"'), 'a broadcast of a former owner was taken')
    })
    const ids = said.map(({ id }) => id)
    check(new Set(ids).size === ids.length, 'a broadcast was taken twice')
    for (const id of this.#owner.acknowledged) check(ids.includes(id), `${id} was acknowledged, and is nowhere`)
  }
}
