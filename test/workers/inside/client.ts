import { exports } from 'cloudflare:workers'
import { TestClient } from '../../support/client.ts'
import type { Message } from '../../support/messages.ts'

/** A client of the Worker, from within workerd. */
export class Client extends TestClient {
  readonly #ws: WebSocket

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
    super()
    this.#ws = ws
    ws.accept()
    ws.addEventListener('message', ({ data }) => this.hear(String(data)))
    ws.addEventListener('close', ({ code, reason }) => this.end({ code, reason }))
  }

  sendBinary(bytes: ArrayBuffer): void {
    this.#ws.send(bytes)
  }

  override close(code = 1000): void {
    this.#ws.close(code)
  }

  protected override sendText(text: string): void {
    this.#ws.send(text)
  }
}
