import { MemoryLog } from '../../src/logs/memory.ts'
import type { Batch } from '../../src/room/batch.ts'
import { Budget } from '../../src/room/budget.ts'
import { utf8Length } from '../../src/room/bytes.ts'
import type { RoomHouse } from '../../src/room/house.ts'
import { DEFAULT_LIMITS, type RoomLimits } from '../../src/room/limits.ts'
import { Manager } from '../../src/room/manager.ts'
import type { Cancel, Clock, Connection, Nodes, RoomLog, Secrets } from '../../src/room/ports.ts'
import { Session } from '../../src/room/session.ts'
import { Writer } from '../../src/room/writer.ts'
import { type Message, message } from './socket.ts'

/** Time that moves when it is told to. */
export class SteppedClock implements Clock {
  #now: number
  #timers: { at: number; task: () => void }[] = []
  #soon: (() => void)[] = []

  constructor(now = 1_000_000) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  after(ms: number, task: () => void): Cancel {
    const timer = { at: this.#now + ms, task }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  soon(task: () => void): void {
    this.#soon.push(task)
  }

  get pending(): number {
    return this.#timers.length + this.#soon.length
  }

  /** One turn of the event loop: what was put off until then. False: there was nothing. */
  turn(): boolean {
    const tasks = this.#soon.splice(0)
    for (const task of tasks) task()
    return tasks.length > 0
  }

  /** Lets `ms` pass; what falls due runs in its order. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== due)
      this.#now = due.at
      due.task()
    }
    this.#now = end
  }
}

/** A line that takes all it is given, until it is told to take nothing. */
export class SteppedConnection implements Connection {
  readonly received: Message[] = []
  /** How many writes the messages came in. */
  writes = 0
  closed: { code: number; reason: string } | undefined
  #isBlocked = false
  #queued: string[] = []
  #read = 0

  get backlog(): number {
    return this.#queued.reduce((sum, text) => sum + utf8Length(text), 0)
  }

  write(batch: Batch): void {
    if (this.closed !== undefined) return
    this.writes++
    if (this.#isBlocked) this.#queued.push(...batch.texts)
    else this.#deliver(batch.texts)
  }

  close(code: number, reason: string): void {
    this.closed ??= { code, reason }
  }

  block(): void {
    this.#isBlocked = true
  }

  /** Takes what has queued, and all from now on. */
  unblock(): void {
    this.#isBlocked = false
    this.#deliver(this.#queued.splice(0))
  }

  /** What has come since it was last asked. */
  fresh(): Message[] {
    const fresh = this.received.slice(this.#read)
    this.#read = this.received.length
    return fresh
  }

  #deliver(texts: readonly string[]): void {
    for (const text of texts) this.received.push(JSON.parse(text))
  }
}

/** Secrets that can be foretold, so that a failing run can be run again. */
export function countedSecrets(): Secrets {
  let count = 0
  const next = () => String(++count).padStart(12, '0')
  return {
    uuid: () => `00000000-0000-4000-8000-${next()}`,
    clientId: () => `client-${next()}`,
    key: () => `key-${next()}`,
    hash: async (key) => `hash of ${key}`,
  }
}

/** Lets every promise that can settle do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve()
}

export interface Member {
  readonly session: Session
  readonly connection: SteppedConnection
  readonly welcome: Message
}

/** A whole house of rooms on a stepped clock. */
export class House {
  readonly clock: SteppedClock
  readonly secrets: Secrets
  readonly limits: RoomLimits
  readonly log: RoomLog
  readonly manager: Manager
  readonly house: RoomHouse

  constructor(
    limits: Partial<RoomLimits> = {},
    log?: RoomLog,
    ground?: Pick<House, 'clock' | 'secrets'>,
    nodes?: Nodes,
    budget = new Budget(Infinity),
  ) {
    this.clock = ground?.clock ?? new SteppedClock()
    this.secrets = ground?.secrets ?? countedSecrets()
    this.limits = { ...DEFAULT_LIMITS, ...limits }
    this.log = log ?? new MemoryLog({ limits: this.limits, maxRooms: 1000, secrets: this.secrets, budget })
    const { clock, secrets } = this
    this.house = { log: this.log, clock, secrets, limits: this.limits, budget, writer: new Writer(clock), nodes }
    this.manager = new Manager(this.house)
  }

  connect(address?: string): { session: Session; connection: SteppedConnection } {
    const connection = new SteppedConnection()
    return { session: new Session(this.manager, this.house, connection, address), connection }
  }

  /** Connects, says `first`, and takes the first answer as the welcome. */
  async enter(first: object, address?: string): Promise<Member> {
    const { session, connection } = this.connect(address)
    session.receive(JSON.stringify(first))
    await this.settle()
    const [welcome] = connection.received
    if (welcome === undefined) throw new Error('no answer')
    return { session, connection, welcome }
  }

  open(): Promise<Member> {
    return this.enter(message(1, { can: ['feedback'] }))
  }

  join(uuid: string, fields: object = {}): Promise<Member> {
    return this.enter(message(2, { uuid, ...fields }))
  }

  takeBack(uuid: string, ownerKey: string, fields: object = {}): Promise<Member> {
    return this.enter(message(1, { uuid, ownerKey, can: ['feedback'], ...fields }))
  }

  /** Turns of the event loop until nothing is left to do in it. */
  async settle(): Promise<void> {
    do await settle()
    while (this.clock.turn())
    await settle()
  }
}

/** `member` says a status 3 message in its room. */
export function says(member: Member, funcKey: string, funcParams: unknown[] = [], fields: object = {}): void {
  member.session.receive(JSON.stringify(message(3, { uuid: member.welcome.uuid, funcKey, funcParams, ...fields })))
}

/** The broadcasts among `messages`, as `funcKey:params`. */
export function broadcasts(messages: readonly Message[]): string[] {
  return messages
    .filter(({ status, funcKey }) => status.value === 3 && funcKey !== '')
    .map(({ funcKey, funcParams }) => `${funcKey}:${funcParams.join()}`)
}
