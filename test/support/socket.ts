import { once } from 'node:events'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { TestClient } from './client.ts'
import { type Message, message } from './messages.ts'

export { type Message, message, say } from './messages.ts'

/** A client over a real socket. */
export class TestSocket extends TestClient {
  readonly ws: WebSocket
  /** The TCP socket below, as soon as the handshake is over: for what a WebSocket does not let one do. */
  tcp!: Socket

  constructor(url: string, options: { origin?: string; headers?: Record<string, string> } = {}) {
    super()
    this.ws = new WebSocket(url.replace('http', 'ws'), { perMessageDeflate: false, ...options })
    this.ws.on('error', () => {})
    this.ws.on('upgrade', ({ socket }) => {
      this.tcp = socket
    })
    this.ws.on('message', (data) => this.hear(String(data)))
    this.ws.on('close', (code, reason) => this.end({ code, reason: String(reason) }))
  }

  static async connect(url: string, options?: { origin?: string; headers?: Record<string, string> }) {
    const socket = new TestSocket(url, options)
    await once(socket.ws, 'open')
    return socket
  }

  override stall(): void {
    super.stall()
    this.ws.pause()
  }

  override resume(): void {
    this.ws.resume()
    super.resume()
  }

  override close(): void {
    this.ws.terminate()
  }

  protected override sendText(text: string): void {
    this.ws.send(text)
  }
}

/** A room's owner, whose welcome has come. */
export async function openRoom(
  url: string,
): Promise<{ owner: TestSocket; uuid: string; ownerKey: string; welcome: Message }> {
  const owner = await TestSocket.connect(`${url}/broadcasting`)
  owner.send(message(1, { can: ['feedback'] }))
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
