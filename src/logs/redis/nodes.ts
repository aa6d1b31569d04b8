import type { Cancel, Clock, Nodes } from '../../room/ports.ts'
import type { RedisDriver } from './driver.ts'
import { LiveNodes } from './live-nodes.ts'

/** Answers what another node asks of a room; undefined where this node does not hold it. Never rejects. */
export type Answer = (from: string, uuid: string, question: string) => Promise<string | undefined>

/** Milliseconds in which a node has to answer. */
const PATIENCE = 3000

/** Milliseconds in which an answer may still come from a node that Redis says nobody has heard: in a cluster it may not know. */
const UNHEARD = 250

/** Milliseconds between two times that this node says that it is alive, and until a try that failed is repeated. */
const BEAT = 3000
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
  /** To oneself. */
  | { readonly kind: 'echo' }

/** The nodes that share a Redis, each with a channel of its own. */
export class RedisNodes implements Nodes {
  readonly name: string
  readonly #driver: RedisDriver
  readonly #clock: Pick<Clock, 'now' | 'after'>
  readonly #prefix: string
  readonly #answer: Answer
  readonly #live: LiveNodes
  readonly #pending = new Map<number, Pending>()
  #asked = 0
  #isClosed = false
  #isSubscribed = false
  /** The last note to oneself has come. */
  #isHearing = true
  #cancelBeat: Cancel | undefined

  /** `name`: this node's, without a dot. */
  constructor(driver: RedisDriver, clock: Pick<Clock, 'now' | 'after'>, prefix: string, name: string, answer: Answer) {
    this.name = name
    this.#driver = driver
    this.#clock = clock
    this.#prefix = prefix
    this.#answer = answer
    this.#live = new LiveNodes(driver, clock, prefix, name)
  }

  /** From when Redis can be reached, this node can be asked. */
  open(): void {
    this.#beat()
      .then(
        () => BEAT,
        () => RETRY,
      )
      .then((pause) => {
        if (!this.#isClosed) this.#cancelBeat = this.#clock.after(pause, () => this.open())
      })
  }

  async #beat(): Promise<void> {
    const channel = this.#channelOf(this.name)
    // A client that connects anew may lose a subscription without a word: what is said to oneself shows it.
    if (this.#isSubscribed && !this.#isHearing) {
      this.#isSubscribed = false
      await this.#driver.unsubscribe(channel, this.#receive)
    }
    if (!this.#isSubscribed) await this.#driver.subscribe(channel, this.#receive)
    this.#isSubscribed = true
    await this.#live.beat()
    this.#isHearing = false
    await this.#send(this.name, { kind: 'echo' })
  }

  /** Nothing is answered any more, and nothing that was asked. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelBeat?.()
    for (const { settle } of this.#pending.values()) settle(undefined)
    if (this.#isSubscribed) await this.#live.leave()
  }

  ask(node: string, uuid: string, question: string): Promise<string | undefined> {
    if (this.#isClosed || this.#pending.size >= PENDING) return Promise.resolve(undefined)
    const id = ++this.#asked
    return new Promise((resolve) => {
      const settle = (answer: string | undefined) => {
        this.#pending.get(id)?.cancel()
        this.#pending.delete(id)
        resolve(answer)
      }
      this.#pending.set(id, { settle, cancel: this.#clock.after(PATIENCE, () => settle(undefined)) })
      this.#ask(node, { kind: 'question', id, from: this.name, uuid, text: question }).then(
        (heard) => heard === 0 && this.#clock.after(UNHEARD, () => settle(undefined)),
        () => settle(undefined),
      )
    })
  }

  /** A client can make up any number of nodes: only one that is alive is sent anything. Rejects where it is not. */
  async #ask(node: string, note: Note): Promise<number> {
    if (!this.#live.has(node) && !(await this.#live.find(node))) throw new Error('there is no such node')
    return this.#send(node, note)
  }

  readonly #receive = (message: string): void => {
    const note = noteOf(message)
    if (note?.kind === 'echo') this.#isHearing = true
    else if (note?.kind === 'answer') this.#pending.get(note.id)?.settle(note.text)
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
