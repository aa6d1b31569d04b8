import type { RoomLimits } from '../../src/room/limits.ts'
import type { RoomLog } from '../../src/room/ports.ts'
import { type House, type Member, type SteppedConnection, settle } from './doubles.ts'
import { type Message, message } from './messages.ts'
import type { Random } from './random.ts'
import { check, type Said, SimulatedListener, SimulatedOwner, View, Witness } from './simulated.ts'
import { Trouble } from './trouble.ts'

const LIMITS = { highWaterMark: 600, tailEntries: 12, tailBytes: 4000, stateEntries: 40, grace: 60_000 }

/** Milliseconds between two looks for rooms whose owners are gone. */
const LOOK = 5000

type Watch = (log: RoomLog) => RoomLog

/** Where a run takes place: one process or several, over a log that outlives them. `watch` stands between each and the log. */
export interface Ground {
  /** Whether its rooms outlive all its processes, as an operator sees it: a process in memory has none to take up. */
  readonly survives: boolean
  /** Starts all processes, anew if there were any, on a clock that goes on. */
  start(limits: Partial<RoomLimits>, watch: Watch): Promise<House[]>
  /** Of several: what is between them, and that one of them can be lost alone. */
  readonly nodes?: {
    /** Another process takes the place of `house`, which is gone. */
    replace(house: House, watch: Watch): Promise<House>
    /** Holds something up that is on its way between them, or lets it go on. */
    disturb(random: Random): void
    /** Nothing is held up any more. */
    calm(): void
  }
}

/** One room, its owners and listeners, through a schedule that a seed decides. */
export class Simulation {
  readonly #random: Random
  readonly #ground: Ground
  readonly #witness = new Witness()
  readonly #trouble = new Trouble()
  readonly #watch: Watch = (log) => this.#trouble.watch(this.#witness.watch(log))
  #houses: House[] = []
  /** The process that each line goes to. */
  readonly #homes = new Map<Member, House>()
  #uuid = ''
  #owner!: SimulatedOwner
  /** Former owners whose lines hang: they go on speaking. */
  #stale: Member[] = []
  readonly #listeners: SimulatedListener[] = []
  readonly #blocked = new Set<SteppedConnection>()
  #count = 0
  /** How many times the room has been taken over. */
  #reign = 0

  constructor(random: Random, ground: Ground) {
    this.#random = random
    this.#ground = ground
  }

  /** Throws `Broken` when a promise is. */
  async run(steps: number): Promise<void> {
    this.#houses = await this.#ground.start(LIMITS, this.#watch)
    const house = this.#anyHouse()
    const member = await house.open()
    this.#homes.set(member, house)
    this.#uuid = member.welcome.uuid
    this.#owner = new SimulatedOwner(member.welcome.ownerKey!)
    this.#owner.came(member)
    for (let step = 0; step < steps; step++) await this.#step()
    await this.#converge()
    await this.#abandon()
  }

  #anyHouse(): House {
    return this.#random.pick(this.#houses)
  }

  /** All processes are on one clock. */
  get #clock(): House['clock'] {
    return this.#houses[0]!.clock
  }

  async #settle(): Promise<void> {
    await this.#houses[0]!.settle()
  }

  async #step(): Promise<void> {
    const random = this.#random
    const action = random.below(100)
    if (action < 35) this.#speak()
    else if (action < 38) this.#whisper()
    else if (action < 40) this.#giveFeedback()
    else if (action < 50) this.#clock.turn()
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
    if (random.chance(0.1)) this.#clock.advance(random.below(200))
    if (random.chance(0.1)) this.#ground.nodes?.disturb(random)
    if (random.chance(0.02)) await this.#loseNode()
    if (random.chance(0.01)) await this.#crash()
    if (random.chance(0.01)) await this.#stopInOrder()
    if (random.chance(0.05)) this.#trouble.begin(random)
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

  /** Several in a row, to whom they may, so that one could overtake another. */
  #whisper(): void {
    const present = this.#listeners.flatMap(({ member }) => member?.welcome.clientId ?? [])
    for (let said = 0; said < 3; said++) {
      const to = present.filter(() => this.#random.chance(0.5))
      const funcParams = [this.#reign, ++this.#count]
      if (to.length > 0) {
        this.#send(this.#owner.member, message(3, { uuid: this.#uuid, funcKey: 'psst', funcParams, to }))
      }
    }
  }

  #giveFeedback(): void {
    const listener = this.#random.pick(this.#listeners)
    this.#send(listener?.member, message(3, { uuid: this.#uuid, funcKey: 'clap', funcParams: [++this.#count] }))
  }

  #send(member: Member | undefined, said: object): void {
    member?.session.receive(JSON.stringify(said))
  }

  async #join(): Promise<void> {
    const away = this.#listeners.filter(({ member }) => member === undefined)
    const listener = away.length > 0 && this.#random.chance(0.7) ? this.#random.pick(away) : new SimulatedListener()
    if (!this.#listeners.includes(listener)) this.#listeners.push(listener)
    const house = this.#anyHouse()
    const { session, connection } = house.connect()
    session.receive(JSON.stringify(message(2, { uuid: this.#uuid, ...listener.since })))
    await settle()
    while (connection.received.length === 0) {
      check(this.#clock.turn(), 'no answer to a join')
      await settle()
    }
    const member = { session, connection, welcome: connection.received[0]! }
    this.#homes.set(member, house)
    listener.came(member)
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

  /** Tries again for as long as the log is in trouble, as the SDK does. */
  async #becomeOwner(key: string): Promise<void> {
    for (let tries = 0; tries < 20; tries++) {
      const house = this.#anyHouse()
      const member = await house.takeBack(this.#uuid, key)
      const { role, ownerKey } = member.welcome
      if (role === 'owner') {
        this.#homes.set(member, house)
        this.#reign++
        this.#owner.key = ownerKey ?? key
        return this.#owner.came(member)
      }
      const code = codeOf(member.welcome)
      check(code === 'room_unavailable', `the owner was refused: ${code}`)
    }
    check(false, 'the owner never got in')
  }

  async #handOver(): Promise<void> {
    const heir = this.#random.pick(this.#listeners)?.member
    const owner = this.#owner.member
    if (heir === undefined || owner === undefined || this.#blocked.has(heir.connection)) return
    const before = heir.connection.received.length
    this.#send(owner, message(3, { uuid: this.#uuid, handover: heir.welcome.clientId }))
    await this.#settle()
    const offer = heir.connection.received.slice(before).findLast(({ event }) => event?.type === 'handover')?.event
    if (offer === undefined) return
    this.#owner.read()
    this.#stale.push(owner)
    const { ownerKey } = offer as unknown as { ownerKey: string }
    // The line may be lost with the answer, and the key that was in it.
    if (this.#random.chance(0.3)) (await this.#anyHouse().takeBack(this.#uuid, ownerKey)).session.gone()
    await this.#becomeOwner(ownerKey)
  }

  /** Whoever was the owner once still speaks, and closes. */
  #stalePast(): void {
    const stale = this.#random.pick(this.#stale)
    this.#send(stale, message(3, { uuid: this.#uuid, funcKey: 'stale', funcParams: [] }))
    if (this.#random.chance(0.2)) this.#send(stale, message(4, { uuid: this.#uuid }))
  }

  /** Everyone who is not held up has everything, whoever else is (promise 5). */
  async #levelAll(): Promise<void> {
    this.#calm()
    await this.#settle()
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

  #calm(): void {
    this.#trouble.end()
    this.#ground.nodes?.calm()
  }

  /** The process ends with all its lines, at whatever it was doing; another takes up the same log. */
  async #crash(): Promise<void> {
    this.#loseLines(() => true)
    await this.#startAgain()
  }

  /** The process ends as it is asked to; another takes up the same log. */
  async #stopInOrder(): Promise<void> {
    const lines = [this.#owner.member, ...this.#stale, ...this.#listeners.map(({ member }) => member)]
    for (const line of lines) line?.session.goAway(1000)
    await this.#settle()
    await this.#crash()
  }

  /** However long there was no process: nobody could have come back, and the room waits on (E2). */
  async #startAgain(): Promise<void> {
    this.#trouble.end()
    if (this.#ground.survives && this.#random.chance(0.5)) this.#clock.advance(this.#random.below(10 * LIMITS.grace))
    this.#houses = await this.#ground.start(LIMITS, this.#watch)
    await this.#expire()
    await this.#becomeOwner(this.#owner.key)
  }

  async #expire(): Promise<void> {
    const done = Promise.all(this.#houses.map(({ manager }) => manager.expire()))
    await this.#settle()
    await done
  }

  /** The owner goes for good, while the log cannot be written: the room ends all the same, for everyone (E2). */
  async #abandon(): Promise<void> {
    this.#trouble.fail('failed', 3)
    this.#owner.member!.session.gone()
    for (let passed = 0; passed < 2 * LIMITS.grace; passed += LOOK) {
      await this.#settle()
      this.#clock.advance(LOOK)
      await this.#expire()
    }
    for (const { member } of this.#listeners) {
      const code = codeOf(member?.connection.received.at(-1))
      check(code === 'room_abandoned', `the owner is gone for good, and a listener heard ${code} last`)
    }
  }

  /** One process of several ends. */
  async #loseNode(): Promise<void> {
    if (this.#ground.nodes === undefined) return
    const house = this.#anyHouse()
    this.#loseLines((member) => this.#homes.get(member) === house)
    this.#houses[this.#houses.indexOf(house)] = await this.#ground.nodes.replace(house, this.#watch)
  }

  #loseLines(isLost: (member: Member) => boolean): void {
    for (const listener of this.#listeners) {
      const { member } = listener
      if (member === undefined || !isLost(member)) continue
      listener.read()
      this.#blocked.delete(member.connection)
      listener.dropped()
    }
    this.#stale = this.#stale.filter((member) => !isLost(member))
    if (this.#owner.member === undefined || !isLost(this.#owner.member)) return
    this.#hearAnswers()
    this.#owner.member = undefined
  }

  #said(): Said[] {
    return this.#witness.said
  }

  /** Everyone comes back, nobody is held up, all that waits is said: then all must show the same (promises 1 and 3). */
  async #converge(): Promise<void> {
    this.#calm()
    if (this.#owner.member === undefined) await this.#becomeOwner(this.#owner.key)
    for (const listener of this.#listeners) {
      const connection = listener.member?.connection
      if (connection !== undefined && this.#blocked.delete(connection)) {
        connection.unblock()
        listener.member!.session.drained()
      }
    }
    await this.#settle()
    for (const listener of this.#listeners) if (listener.member !== undefined) this.#drop(listener)
    while (this.#listeners.some(({ member }) => member === undefined)) await this.#join()
    // What was refused for the log's trouble is said once more.
    for (let round = 0; round < 100 && this.#owner.unanswered.size > 0; round++) {
      await this.#settle()
      this.#owner.read()
    }
    check(this.#owner.unanswered.size === 0, `${this.#owner.unanswered.size} broadcasts were never answered`)
    await this.#levelAll()
    const said = this.#said()
    this.#checkTruth(said)
    const truth = new View()
    for (const { text } of said) truth.apply(JSON.parse(text))
    for (const { view } of this.#listeners)
      check(`${view}` === `${truth}`, `a listener shows ${view}, the owner ${truth}`)
    await this.#checkCount()
  }

  /** The owner knows how many listen: as many as are there, and those who have handed the room over to others. */
  async #checkCount(): Promise<void> {
    for (let second = 0; second < 25; second++) {
      this.#clock.advance(1000)
      await this.#settle()
    }
    this.#owner.read()
    const former = this.#stale.filter(
      ({ connection }) =>
        connection.closed === undefined && connection.received.some(({ event }) => event?.type === 'role'),
    )
    const listening = this.#listeners.length + former.length
    check(this.#owner.listening === listening, `the owner counts ${this.#owner.listening} listeners of ${listening}`)
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

function codeOf(message: Message | undefined): string | undefined {
  return message?.event?.type === 'error' ? message.event.code : message?.event?.type
}
