import { targetedText } from '../protocol/codec.ts'
import { Batch } from './batch.ts'
import type { Client } from './client.ts'
import { RoomError } from './errors.ts'
import { Ferry } from './ferry.ts'
import type { RoomLimits } from './limits.ts'
import type { Members } from './members.ts'
import type { Neighbours } from './neighbours.ts'
import type { Answers, QuestionOf, Whisper } from './questions.ts'

/** What other nodes know of the clients that are named. */
interface Findings {
  readonly term: number
  readonly absent: ReadonlySet<string>
}

const NOTHING_FOUND: Findings = { term: 0, absent: new Set() }

/**
 * What the owner says to clients that it names, whatever nodes they are on (C4): to all of them, or to none where one is
 * known not to be there. All of a room's whispers keep one order.
 */
export class Whispers {
  readonly #members: Members
  readonly #neighbours: Neighbours | undefined
  readonly #limits: RoomLimits
  readonly #ferry = new Ferry<Whisper>((load) => this.#carry(load))

  constructor(members: Members, neighbours: Neighbours | undefined, limits: RoomLimits) {
    this.#members = members
    this.#neighbours = neighbours
    this.#limits = limits
  }

  /** Says `body` to the clients `to`. The owner is told what became of it. */
  say(owner: Client, id: string | undefined, body: string, to: readonly string[]): void {
    const whisper = { term: owner.term, to, body }
    if (whisper.term < this.#members.term) return this.#members.refuse(owner, id, displaced())
    if (this.#ferry.isIdle && this.#byNode(to).size === 0) {
      const refusal = this.#refusal(whisper, NOTHING_FOUND)
      if (refusal !== undefined) return this.#members.refuse(owner, id, refusal)
      this.#deliver(whisper)
      return this.#members.acknowledge(owner, id)
    }
    if (this.#ferry.isFull) {
      const full = new RoomError('log_unavailable', 'too many messages to named clients are under way')
      return this.#members.refuse(owner, id, full)
    }
    const size = to.reduce((sum, id) => sum + id.length, whisper.body.length)
    this.#members.settle(owner, id, this.#ferry.take(whisper, size))
  }

  /** Another node asks who of its owner's clients are here. */
  answerLook({ ids }: QuestionOf<'look'>): Answers['look'] {
    return { term: this.#members.term, absent: ids.filter((id) => this.#members.get(id) === undefined) }
  }

  /** The owner, on another node, says something to clients that are here. */
  answerWhisper({ whispers }: QuestionOf<'whisper'>): Answers['whisper'] {
    const { term } = this.#members
    for (const whisper of whispers) if (whisper.term >= term) this.#deliver(whisper)
    return { term }
  }

  async #carry(whispers: readonly Whisper[]): Promise<(RoomError | undefined)[]> {
    const findings = await this.#look(whispers.flatMap(({ to }) => to))
    const refusals = whispers.map((whisper) => this.#refusal(whisper, findings))
    const accepted = whispers.filter((_, i) => refusals[i] === undefined)
    for (const whisper of accepted) this.#deliver(whisper)
    const answers = await this.#passOn(accepted)
    return whispers.map((whisper, i) => refusals[i] ?? this.#failure(whisper, answers))
  }

  /** Asks every node that one of `ids` is on. Who does not answer has nobody. */
  async #look(ids: readonly string[]): Promise<Findings> {
    const found = await Promise.all(
      [...this.#byNode(ids)].map(async ([node, there]) => {
        const answer = await this.#neighbours?.ask(node, { kind: 'look', ids: [...there] })
        return answer ?? { term: 0, absent: [...there] }
      }),
    )
    return {
      term: Math.max(0, ...found.map(({ term }) => term)),
      absent: new Set(found.flatMap(({ absent }) => absent)),
    }
  }

  #refusal({ term, to }: Whisper, found: Findings): RoomError | undefined {
    if (term < this.#members.term || term < found.term) return displaced()
    const unknown = to.findIndex((id) => this.#isAbsent(id, found))
    if (unknown < 0) return undefined
    return new RoomError('unknown_client', `to.${unknown} is no client of this room`, { field: 'to' })
  }

  /** To those who are here. */
  #deliver({ to, body }: Whisper): void {
    const batch = new Batch([targetedText(body)])
    for (const id of new Set(to)) {
      const client = this.#members.get(id)
      // A listener over the mark has been left to drain; nothing may grow its queue.
      if (client !== undefined && client.connection.backlog <= this.#limits.highWaterMark)
        client.connection.write(batch)
    }
  }

  /** To those who are on other nodes. What each node answered; undefined: nothing. */
  async #passOn(whispers: readonly Whisper[]): Promise<Map<string, Answers['whisper'] | undefined>> {
    const byNode = new Map<string, Whisper[]>()
    for (const whisper of whispers) {
      for (const [node, to] of this.#byNode(whisper.to)) {
        const theirs = byNode.get(node) ?? []
        theirs.push({ ...whisper, to: [...to] })
        byNode.set(node, theirs)
      }
    }
    const answers = await Promise.all(
      [...byNode].map(async ([node, theirs]) => {
        const answer = await this.#neighbours?.ask(node, { kind: 'whisper', whispers: theirs })
        return [node, answer] as const
      }),
    )
    return new Map(answers)
  }

  #failure({ term, to }: Whisper, answers: Map<string, Answers['whisper'] | undefined>): RoomError | undefined {
    const theirs = [...this.#byNode(to).keys()].map((node) => answers.get(node))
    if (theirs.some((answer) => answer !== undefined && term < answer.term)) return displaced()
    if (!theirs.includes(undefined)) return undefined
    return new RoomError('log_unavailable', 'it is not known whether all that are named have got it')
  }

  /** Those of `ids` that are on other nodes. */
  #byNode(ids: readonly string[]): Map<string, Set<string>> {
    const byNode = new Map<string, Set<string>>()
    for (const id of ids) {
      const node = this.#neighbours?.nodeOf(id)
      if (node === undefined) continue
      const there = byNode.get(node)
      if (there === undefined) byNode.set(node, new Set([id]))
      else there.add(id)
    }
    return byNode
  }

  #isAbsent(id: string, found: Findings): boolean {
    if (this.#neighbours?.nodeOf(id) !== undefined) return found.absent.has(id)
    return this.#members.get(id) === undefined
  }
}

function displaced(): RoomError {
  return new RoomError('displaced', 'another owner has taken the room')
}
