import { type Message, message } from './messages.ts'

/** How a connection ended. */
export interface Ending {
  readonly code: number
  readonly reason: string
}

/** A client that sends what it is told to, and hands out what it gets, in order; over whose WebSocket, its kinds say. */
export abstract class TestClient {
  readonly received: Message[] = []
  #read = 0
  #unread: string[] | undefined
  #arrival: () => void = () => {}
  #ending: Ending | undefined

  /** Hangs up. */
  abstract close(): void

  protected abstract sendText(text: string): void

  /** To be called with each text frame that comes. Whether it has come is answered to who asks, and is not handed out (R7). */
  protected hear(frame: string): void {
    if (this.#unread !== undefined) return void this.#unread.push(frame)
    for (const line of frame.split('\n')) {
      const heard: Message = JSON.parse(line)
      if (heard.event?.type === 'taken') this.#answer(heard.event.nonce)
      else this.received.push(heard)
    }
    this.#arrival()
  }

  #answer(nonce: string): void {
    try {
      this.send(message(3, { taken: nonce }))
    } catch {
      // What comes at last was sent before the end, and nobody waits for an answer.
    }
  }

  /** Characters that have come and are not read. */
  get unread(): number {
    return this.#unread?.reduce((sum, frame) => sum + frame.length, 0) ?? 0
  }

  /** Reads on to the next question whether it has come, and answers that. */
  readOn(): void {
    const unread = this.#unread ?? []
    const end = unread.findIndex((frame) => JSON.parse(frame.split('\n')[0]!).event?.type === 'taken') + 1
    this.#unread = undefined
    for (const frame of unread.splice(0, end)) this.hear(frame)
    this.#unread = unread
  }

  /** Reads nothing any more. Over a real socket, nothing is taken from the network either. */
  stall(): void {
    this.#unread ??= []
  }

  /** Reads what has come, and goes on. */
  resume(): void {
    const unread = this.#unread ?? []
    this.#unread = undefined
    for (const frame of unread) this.hear(frame)
  }

  /** To be called when the connection has ended. */
  protected end(ending: Ending): void {
    this.#ending = ending
    this.#arrival()
  }

  send(message: object | string): void {
    this.sendText(typeof message === 'string' ? message : JSON.stringify(message))
  }

  /** The next message that has not been handed out; one that `accepts` refuses is passed over. */
  async next(accepts: (message: Message) => boolean = () => true): Promise<Message> {
    for (;;) {
      while (this.#read < this.received.length) {
        const message = this.received[this.#read++]!
        if (accepts(message)) return message
      }
      if (this.#ending !== undefined) throw new Error(`closed: ${this.#ending.code} ${this.#ending.reason}`)
      await this.#somethingNew()
    }
  }

  nextEvent(type: string): Promise<Message> {
    return this.next((message) => message.event?.type === type && message.status.value === 5)
  }

  nextBroadcast(): Promise<Message> {
    return this.next((message) => message.status.value === 3 && message.funcKey !== '')
  }

  /** Resolves when the connection has ended. */
  async closed(): Promise<Ending> {
    while (this.#ending === undefined) await this.#somethingNew()
    return this.#ending
  }

  #somethingNew(): Promise<void> {
    return new Promise((resolve) => {
      this.#arrival = resolve
    })
  }
}
