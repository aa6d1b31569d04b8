import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { Position } from '../../../src/protocol/messages.ts'

/** A client without an SDK, that costs as little as it can: what is measured is the server. */
export class RawClient {
  readonly ws: WebSocket
  uuid = ''
  clientId = ''
  position: Position | undefined
  /** Called with each frame after the welcome. */
  onFrame: (frame: Buffer) => void = () => {}

  private constructor(url: string) {
    this.ws = new WebSocket(`${url.replace('http', 'ws')}/broadcasting`, { perMessageDeflate: false })
    this.ws.on('error', () => {})
  }

  /** `can`: what it says that it can. */
  static async open(url: string, can: readonly string[] = []): Promise<RawClient> {
    return RawClient.#enter(url, { uuid: '', status: { value: 1, text: '' }, can })
  }

  static async join(url: string, uuid: string): Promise<RawClient> {
    return RawClient.#enter(url, { uuid, status: { value: 2, text: '' } })
  }

  static async #enter(url: string, first: object): Promise<RawClient> {
    const client = new RawClient(url)
    await once(client.ws, 'open')
    const welcome = once(client.ws, 'message')
    client.ws.send(JSON.stringify({ funcKey: '', funcParams: [], stateMessage: false, ...first }))
    const [frame] = await welcome
    const { uuid, clientId, position } = JSON.parse(String(frame))
    Object.assign(client, { uuid, clientId, position })
    client.ws.on('message', (data) => client.onFrame(data as Buffer))
    return client
  }

  say(funcKey: string, funcParams: unknown[], fields: object = {}): void {
    const status = { value: 3, text: '' }
    this.ws.send(JSON.stringify({ uuid: this.uuid, status, funcKey, funcParams, stateMessage: false, ...fields }))
  }

  end(): void {
    this.ws.terminate()
  }
}
