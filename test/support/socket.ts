import { once } from 'node:events'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { type Message, message } from './messages.ts'

export { type Message, message, say } from './messages.ts'

/** A client that sends what it is told to, and hands out what it gets, in order. */
export class TestSocket {
  readonly ws: WebSocket
  readonly received: Message[] = []
  /** The TCP socket below, as soon as the handshake is over: for what a WebSocket does not let one do. */
  tcp!: Socket
  #read = 0
  #arrival: () => void = () => {}
  #closed: { code: number; reason: string } | undefined

  constructor(url: string, options: { origin?: string; headers?: Record<string, string> } = {}) {
    this.ws = new WebSocket(url.replace('http', 'ws'), { perMessageDeflate: false, ...options })
    this.ws.on('error', () => {})
    this.ws.on('upgrade', ({ socket }) => {
      this.tcp = socket
    })
    this.ws.on('message', (data) => {
      for (const line of String(data).split('\n')) this.received.push(JSON.parse(line))
      this.#arrival()
    })
    this.ws.on('close', (code, reason) => {
      this.#closed = { code, reason: String(reason) }
      this.#arrival()
    })
  }

  static async connect(url: string, options?: { origin?: string; headers?: Record<string, string> }) {
    const socket = new TestSocket(url, options)
    await once(socket.ws, 'open')
    return socket
  }

  send(message: object | string): void {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  /** The next message that has not been handed out; one that `accepts` refuses is passed over. */
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

  nextEvent(type: string): Promise<Message> {
    return this.next((message) => message.event?.type === type && message.status.value === 5)
  }

  nextBroadcast(): Promise<Message> {
    return this.next((message) => message.status.value === 3 && message.funcKey !== '')
  }

  /** Resolves when the connection has ended. */
  async closed(): Promise<{ code: number; reason: string }> {
    while (this.#closed === undefined) await this.#somethingNew()
    return this.#closed
  }

  close(): void {
    this.ws.terminate()
  }

  #somethingNew(): Promise<void> {
    return new Promise((resolve) => {
      this.#arrival = resolve
    })
  }
}

/** A room's owner, whose welcome has come. */
export async function openRoom(
  url: string,
): Promise<{ owner: TestSocket; uuid: string; ownerKey: string; welcome: Message }> {
  const owner = await TestSocket.connect(`${url}/broadcasting`)
  owner.send(message(1))
  const welcome = await owner.next()
  return { owner, uuid: welcome.uuid, ownerKey: welcome.ownerKey!, welcome }
}

/** A listener, whose welcome has come. */
export async function joinRoom(
  url: string,
  uuid: string,
  fields: object = {},
): Promise<{ listener: TestSocket; welcome: Message }> {
  const listener = await TestSocket.connect(`${url}/broadcasting`)
  listener.send(message(2, { uuid, ...fields }))
  return { listener, welcome: await listener.next() }
}
