import type { Cancel, Clock, Nodes } from '../../room/ports.ts'
import type { RedisDriver } from './driver.ts'

/** Answers what another node asks of a room; undefined where this node does not hold it. Never rejects. */
export type Answer = (from: string, uuid: string, question: string) => Promise<string | undefined>

/** Milliseconds in which a node has to answer. */
const PATIENCE = 3000

/** Milliseconds between two tries to be heard of. */
const RETRY = 500

/** Questions without an answer at one time; what is asked beyond is not asked. */
const PENDING = 10_000

interface Pending {
  readonly settle: (answer: string | undefined) => void
  readonly cancel: Cancel
}

type Note =
  | {
      readonly kind: 'question'
      readonly id: number
      readonly from: string
      readonly uuid: string
      readonly text: string
    }
  | { readonly kind: 'answer'; readonly id: number; readonly text?: string | undefined }

/** The nodes that share a Redis, each with a channel of its own. */
export class RedisNodes implements Nodes {
  readonly name: string
  readonly #driver: RedisDriver
  readonly #clock: Pick<Clock, 'after'>
  readonly #prefix: string
  readonly #answer: Answer
  readonly #pending = new Map<number, Pending>()
  #asked = 0
  #isClosed = false
  #cancelRetry: Cancel | undefined

  /** `name`: this node's, without a dot. */
  constructor(driver: RedisDriver, clock: Pick<Clock, 'after'>, prefix: string, name: string, answer: Answer) {
    this.name = name
    this.#driver = driver
    this.#clock = clock
    this.#prefix = prefix
    this.#answer = answer
  }

  /** From when Redis can be reached, this node can be asked. */
  open(): void {
    this.#driver.subscribe(this.#channelOf(this.name), this.#receive).catch(() => {
      if (!this.#isClosed) this.#cancelRetry = this.#clock.after(RETRY, () => this.open())
    })
  }

  /** Nothing is answered any more, and nothing that was asked. */
  close(): void {
    this.#isClosed = true
    this.#cancelRetry?.()
    for (const { settle } of this.#pending.values()) settle(undefined)
  }

  ask(node: string, uuid: string, question: string): Promise<string | undefined> {
    if (this.#pending.size >= PENDING) return Promise.resolve(undefined)
    const id = ++this.#asked
    return new Promise((resolve) => {
      const settle = (answer: string | undefined) => {
        this.#pending.get(id)?.cancel()
        this.#pending.delete(id)
        resolve(answer)
      }
      this.#pending.set(id, { settle, cancel: this.#clock.after(PATIENCE, () => settle(undefined)) })
      this.#send(node, { kind: 'question', id, from: this.name, uuid, text: question }).then(
        (heard) => heard === 0 && settle(undefined),
        () => settle(undefined),
      )
    })
  }

  readonly #receive = (message: string): void => {
    const note = noteOf(message)
    if (note?.kind === 'answer') this.#pending.get(note.id)?.settle(note.text)
    else if (note?.kind === 'question') void this.#reply(note)
  }

  async #reply({ id, from, uuid, text }: Extract<Note, { kind: 'question' }>): Promise<void> {
    const answer = await this.#answer(from, uuid, text)
    await this.#send(from, { kind: 'answer', id, text: answer }).catch(() => {
      // Who asked waits no longer than it has patience.
    })
  }

  #send(node: string, note: Note): Promise<number> {
    return this.#driver.publish(this.#channelOf(node), JSON.stringify(note))
  }

  #channelOf(node: string): string {
    return `${this.#prefix}{node:${node}}:notes`
  }
}

function noteOf(message: string): Note | undefined {
  try {
    return JSON.parse(message)
  } catch {
    return undefined
  }
}
