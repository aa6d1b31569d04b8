import { exports } from 'cloudflare:workers'
import type { Message } from '../../support/messages.ts'

/** A client of the Worker, from within workerd. */
export class Client {
  readonly #ws: WebSocket
  readonly received: Message[] = []
  /** How many frames they came in. */
  frames = 0
  #read = 0
  #closed: { code: number; reason: string } | undefined
  #arrival: () => void = () => {}

  static async connect(path = '/broadcasting'): Promise<Client> {
    const response = await exports.default.fetch(`http://localhost${path}`, { headers: { Upgrade: 'websocket' } })
    if (response.webSocket === null) throw new Error(`refused: ${response.status} ${await response.text()}`)
    return new Client(response.webSocket)
  }

  /** Connects, says `first`, and waits for the answer. */
  static async enter(first: object, path?: string): Promise<{ client: Client; welcome: Message }> {
    const client = await Client.connect(path)
    client.send(first)
    return { client, welcome: await client.next() }
  }

  constructor(ws: WebSocket) {
    this.#ws = ws
    ws.accept()
    ws.addEventListener('message', ({ data }) => {
      this.frames++
      for (const line of String(data).split('\n')) this.received.push(JSON.parse(line))
      this.#arrival()
    })
    ws.addEventListener('close', ({ code, reason }) => {
      this.#closed = { code, reason }
      this.#arrival()
    })
  }

  send(message: object | string | ArrayBuffer): void {
    this.#ws.send(typeof message === 'string' || message instanceof ArrayBuffer ? message : JSON.stringify(message))
  }

  /** The next message that `accepts` takes; the others before it are passed over. */
  async next(accepts: (message: Message) => boolean = () => true): Promise<Message> {
    for (;;) {
      while (this.#read < this.received.length) {
        const message = this.received[this.#read++]!
        if (accepts(message)) return message
      }
      if (this.#closed !== undefined) throw new Error(`closed: ${this.#closed.code} ${this.#closed.reason}`)
      await this.#somethingNew()
    }
  }

  event(type: string): Promise<Message> {
    return this.next(({ event }) => event?.type === type)
  }

  broadcast(): Promise<Message> {
    return this.next(({ status, funcKey }) => status.value === 3 && funcKey !== '')
  }

  async closed(): Promise<{ code: number; reason: string }> {
    while (this.#closed === undefined) await this.#somethingNew()
    return this.#closed
  }

  close(code = 1000): void {
    this.#ws.close(code)
  }

  #somethingNew(): Promise<void> {
    return new Promise((resolve) => {
      this.#arrival = resolve
    })
  }
}
