import { once } from 'node:events'
import { WebSocket } from 'ws'

interface OldMessage {
  uuid: string
  status: { value: number; text: string }
  funcKey: string
  funcParams: string[]
}

/**
 * A client that does what rtbroadcaster's own does in a browser, and no more: it knows the five fields, four statuses,
 * and nothing of roomcast. What it throws, a browser would show in its console and nowhere else: here it is kept.
 */
export class OldClient {
  readonly ws: WebSocket
  readonly thrown: unknown[] = []
  readonly statuses: number[] = []
  uuid = ''
  readonly #stateField: 'stateMessage' | 'sateMessage'
  readonly #subscriptions = new Map<string, (...params: string[]) => void>()
  #isConnected = false
  readonly #onConnection: () => void

  /** `page` is the address of the page that it runs in: with a `uuid=` in it, it joins, else it opens. */
  constructor(
    url: string,
    page: string,
    onConnection: () => void,
    stateField: 'stateMessage' | 'sateMessage' = 'stateMessage',
  ) {
    this.#onConnection = onConnection
    this.#stateField = stateField
    const [, joined] = page.split('uuid=')
    this.uuid = joined ?? ''
    this.ws = new WebSocket(`${url.replace('http', 'ws')}/broadcasting`, { origin: new URL(page).origin })
    this.ws.on('open', () => this.#send(joined === undefined ? 1 : 2, '', [], false))
    this.ws.on('message', (data) => {
      try {
        for (const line of String(data).split('\n')) this.#receive(JSON.parse(line))
      } catch (error) {
        this.thrown.push(error)
      }
    })
  }

  subscribe(funcKey: string, run: (...params: string[]) => void): void {
    this.#subscriptions.set(funcKey, run)
  }

  broadcast(funcKey: string, funcParams: string[], isState: boolean): void {
    this.#send(3, funcKey, funcParams, isState)
  }

  close(): void {
    this.#send(4, '', [], false)
  }

  async closed(): Promise<number> {
    return (await once(this.ws, 'close'))[0]
  }

  #receive(message: OldMessage): void {
    if (message.uuid === '') return
    this.uuid = message.uuid
    this.statuses.push(message.status.value)
    switch (message.status.value) {
      case 0:
      case 2:
        break
      case 3:
        this.#connected(message)
        break
    }
  }

  #connected({ funcKey, funcParams }: OldMessage): void {
    if (!this.#isConnected) {
      this.#isConnected = true
      this.#onConnection()
    }
    if (funcKey === '') return
    const run = this.#subscriptions.get(funcKey)
    if (run === undefined) throw new Error(`nothing is subscribed to ${funcKey}`)
    run(...funcParams)
  }

  #send(value: number, funcKey: string, funcParams: string[], isState: boolean): void {
    const status = { value, text: '' }
    this.ws.send(JSON.stringify({ uuid: this.uuid, status, funcKey, funcParams, [this.#stateField]: isState }))
  }
}
