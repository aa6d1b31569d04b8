import { MemoryLog } from '../../src/logs/memory.ts'
import { DEFAULT_LIMITS, type RoomLimits } from '../../src/room/limits.ts'
import type { Nodes, RoomLog } from '../../src/room/ports.ts'
import type { Question } from '../../src/room/questions.ts'
import { countedSecrets, House, SteppedClock } from './doubles.ts'
import { SharedLog } from './shared-log.ts'

interface Asked {
  readonly from: string
  readonly to: string
  readonly question: Question
}

/** Houses over one log that can ask each other, on one stepped clock. */
export class Cluster {
  readonly clock = new SteppedClock()
  readonly secrets = countedSecrets()
  readonly log: SharedLog
  /** Every question so far. */
  readonly asked: Asked[] = []
  readonly #limits: Partial<RoomLimits>
  readonly #houses = new Map<string, House>()
  readonly #silent = new Set<string>()
  #onTheirWay: (() => void)[] | undefined

  constructor(limits: Partial<RoomLimits> = {}, log?: (cluster: Pick<Cluster, 'clock' | 'secrets'>) => RoomLog) {
    this.#limits = limits
    const memory = () =>
      new MemoryLog({ limits: { ...DEFAULT_LIMITS, ...limits }, maxRooms: 1000, secrets: this.secrets })
    this.log = new SharedLog(log?.(this) ?? memory(), () => this.clock.now())
  }

  /** Starts the node `name`, anew if there was one. `log` may stand between it and the shared one. */
  start(name: string, log: RoomLog = this.log.of(name)): House {
    const secrets = { ...this.secrets, clientId: () => `${name}.${this.secrets.clientId()}` }
    const nodes: Nodes = {
      name,
      // A process that is gone has clients and timers left over here, and asks nobody anything.
      ask: async (node, uuid, question) =>
        this.#houses.get(name) === house ? this.#ask(name, node, uuid, question) : undefined,
    }
    const house: House = new House(this.#limits, log, { clock: this.clock, secrets }, nodes)
    this.#houses.set(name, house)
    this.#silent.delete(name)
    return house
  }

  /** `name` answers nobody any more. */
  silence(name: string): void {
    this.#silent.add(name)
  }

  /** `name` answers again. */
  listen(name: string): void {
    this.#silent.delete(name)
  }

  /** The process of `name` ends, with all that it was doing. */
  async lose(name: string): Promise<void> {
    this.#houses.delete(name)
    await this.log.lose(name, this.clock.now())
  }

  /** What is asked from now on stays on its way. */
  hold(): void {
    this.#onTheirWay ??= []
  }

  /** What was asked arrives, in the order it was asked. */
  release(): void {
    const arriving = this.#onTheirWay ?? []
    this.#onTheirWay = undefined
    for (const arrive of arriving) arrive()
  }

  async #ask(from: string, to: string, uuid: string, question: string): Promise<string | undefined> {
    this.asked.push({ from, to, question: JSON.parse(question) })
    const onTheirWay = this.#onTheirWay
    if (onTheirWay !== undefined) await new Promise<void>((resolve) => onTheirWay.push(resolve))
    if (this.#silent.has(to)) return undefined
    return this.#houses.get(to)?.manager.answer(from, uuid, question)
  }
}
