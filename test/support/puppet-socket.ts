import { message } from './messages.ts'

/** A WebSocket that does what the test says, and nothing else. */
export class PuppetSocket {
  static all: PuppetSocket[] = []
  readyState = 0
  readonly sent: string[] = []
  onopen?: () => void
  onmessage?: (event: { data: string }) => void
  onclose?: (event: { code: number; reason: string }) => void
  isClosed = false

  constructor() {
    PuppetSocket.all.push(this)
  }

  static get newest(): PuppetSocket {
    return PuppetSocket.all.at(-1)!
  }

  open(): void {
    this.readyState = 1
    this.onopen?.()
  }

  hear(message: object): void {
    this.onmessage?.({ data: JSON.stringify({ status: { value: 5 }, ...message }) })
  }

  /** Opens, and lets the client in. */
  letIn(welcome: object = {}): void {
    this.open()
    this.hear(message(3, { ...WELCOME, ...welcome }))
  }

  /** The server has taken the message that was sent as the `index`th. */
  acknowledge(index: number, seq: number): void {
    const { id } = JSON.parse(this.sent.at(index)!)
    this.hear(message(5, { event: { type: 'ack', id, position: { epoch: 'e', seq } } }))
  }

  drop(code = 1006): void {
    this.readyState = 3
    this.onclose?.({ code, reason: '' })
  }

  send(text: string): void {
    this.sent.push(text)
  }

  close(): void {
    this.isClosed = true
  }
}

export const WELCOME = {
  clientId: 'c',
  role: 'listener',
  position: { epoch: 'e', seq: 0 },
  replay: 0,
  recovered: false,
  limits: { messageBytes: 100_000, stateBytes: 100_000, stateEntries: 100 },
}
