import { exports } from 'cloudflare:workers'
import { TestClient } from '../../support/client.ts'
import type { Message } from '../../support/messages.ts'

/** A client of the Worker, from within workerd. */
export class Client extends TestClient {
  readonly #ws: WebSocket

  /** `answersClose`: false for one that never says that it has closed, too, when it is told that it is over. */
  static async connect(path = '/broadcasting', answersClose = true): Promise<Client> {
    const response = await exports.default.fetch(`http://localhost${path}`, { headers: { Upgrade: 'websocket' } })
    if (response.webSocket === null) throw new Error(`refused: ${response.status} ${await response.text()}`)
    return new Client(response.webSocket, answersClose)
  }

  /** Connects, says `first`, and waits for the answer. */
  static async enter(first: object, path?: string, answersClose = true): Promise<{ client: Client; welcome: Message }> {
    const client = await Client.connect(path, answersClose)
    client.send(first)
    return { client, welcome: await client.next() }
  }

  constructor(ws: WebSocket, answersClose = true) {
    super()
    this.#ws = ws
    ws.accept({ allowHalfOpen: !answersClose })
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
