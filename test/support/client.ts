import type { Message } from './messages.ts'

/** How a connection ended. */
export interface Ending {
  readonly code: number
  readonly reason: string
}

/** A client that sends what it is told to, and hands out what it gets, in order; over whose WebSocket, its kinds say. */
export abstract class TestClient {
  readonly received: Message[] = []
  #read = 0
  #arrival: () => void = () => {}
  #ending: Ending | undefined

  /** Hangs up. */
  abstract close(): void

  protected abstract sendText(text: string): void

  /** To be called with each text frame that comes. */
  protected hear(frame: string): void {
    for (const line of frame.split('\n')) this.received.push(JSON.parse(line))
    this.#arrival()
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
