import type { Draft, RoomLog } from '../../src/room/ports.ts'
import type { Member } from './doubles.ts'
import type { Message } from './messages.ts'

/** What of a broadcast the checks compare. */
export interface Said {
  readonly seq: number
  readonly term: number
  readonly id: string | undefined
  readonly text: string
}

/**
 * Broadcasts that an owner has under way at one time. Each that is refused, or whose answer is lost with a line, may have as
 * many more behind it: the tail remembers the ids of several windows.
 */
const WINDOW = 3

/** A promise was broken. */
export class Broken extends Error {}

export function check(holds: boolean, what: string): void {
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

/** Writes down what the log has taken, in its order, whoever it took it from: the truth that everyone has to end up with. */
export class Witness {
  readonly said: Said[] = []

  /** `log`, watched. */
  watch(log: RoomLog): RoomLog {
    const append = async (uuid: string, draft: Draft) => {
      const { seq } = await log.append(uuid, draft)
      const { term, id, body } = draft
      if (seq > (this.said.at(-1)?.seq ?? 0)) this.said.push({ seq, term, id, text: `{${body}` })
      return { seq }
    }
    // The log's own fields are private to it: its other methods are called on itself.
    return new Proxy(log, {
      get: (_, name) =>
        name === 'append' ? append : (log[name as keyof RoomLog] as (() => unknown) | undefined)?.bind(log),
    })
  }
}

/** A listener that behaves as the SDK does: keeps its place, comes back with it, starts afresh when told to. */
export class SimulatedListener {
  member: Member | undefined
  view = new View()
  last = 0
  #epoch = ''
  #read = 0
  #replay: { left: number; leadsTo: number; missed: number; from: number } | undefined
  /** False: it is somewhere in the middle of a replay, and would have to start afresh. */
  #hasPlace = false
  #lastWhisper = { owner: 0, count: 0 }

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
    if (seq === undefined) return this.#whispered(received)
    check(this.#replay === undefined, `a live broadcast (${seq}) in the middle of a replay`)
    check(seq === this.last + 1, `${seq} came after ${this.last}`)
    this.last = seq!
    this.view.apply(received)
  }

  /** Of one owner's, what was said first comes first; some may be lost where a process dies. */
  #whispered({ funcParams }: Message): void {
    const [owner, count] = funcParams as [number, number]
    const last = this.#lastWhisper
    check(owner !== last.owner || count > last.count, `whisper ${count} came after ${last.count}`)
    this.#lastWhisper = { owner, count }
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
    // In the middle of another it was to be led to where that led.
    const from = missed >= 0 ? (this.#replay?.leadsTo ?? this.last) : this.last
    this.#replay = { left, leadsTo, missed, from }
    this.#caught = 0
    this.#finishReplay()
  }

  #caught = 0

  #replayed(received: Message): void {
    const replay = this.#replay
    check(replay !== undefined && replay.left > 0, `a replay of ${received.seq} that was not announced`)
    if (received.seq! > replay!.from) this.#caught++
    this.view.apply(received)
    // Caught up in the order of seq: it stands at what it has got last.
    if (this.#hasPlace) this.last = received.seq!
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
export class SimulatedOwner {
  member: Member | undefined
  key: string
  readonly unanswered = new Map<string, object>()
  readonly acknowledged: string[] = []
  /** Listeners, as it was told last. */
  listening = 0
  readonly #underWay = new Set<string>()
  readonly #lastFeedback = new Map<string, number>()
  #read = 0

  constructor(key: string) {
    this.key = key
  }

  came(member: Member): void {
    this.member = member
    this.#read = 0
    this.#underWay.clear()
    this.listening = 0
    this.send()
  }

  say(id: string, said: object): void {
    this.unanswered.set(id, said)
    this.send()
  }

  /** What one listener says comes in the order it was said. */
  #hear({ from, funcKey, funcParams }: Message): void {
    if (from === undefined || funcKey !== 'clap') return
    const [count] = funcParams as [number]
    const last = this.#lastFeedback.get(from) ?? 0
    check(count > last, `feedback ${count} of ${from} came after ${last}`)
    this.#lastFeedback.set(from, count)
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
      this.#hear(received[this.#read]!)
      const event = received[this.#read]!.event as
        | { type: string; id?: string; code?: string; count?: number }
        | undefined
      if (event?.type === 'listeners') this.listening = event.count!
      if (event?.id === undefined) continue
      if (event.type === 'ack') this.acknowledged.push(event.id)
      if (event.type === 'ack') this.#giveUpOvertaken(event.id)
      // Said again, under the same id.
      if (event.code === 'log_unavailable') this.#underWay.delete(event.id)
      if (event.type !== 'ack' && event.code !== 'state_full') continue
      this.unanswered.delete(event.id)
      this.#underWay.delete(event.id)
    }
    this.send()
  }
  /** One that was refused, and that a later one has overtaken, is not said any more: it would come after that. */
  #giveUpOvertaken(id: string): void {
    for (const earlier of this.unanswered.keys()) {
      if (earlier === id) return
      if (!this.#underWay.has(earlier)) this.unanswered.delete(earlier)
    }
  }
}
