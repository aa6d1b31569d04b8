import type { Message } from './messages.ts'

/**
 * WebSockets for the SDK that look at what comes on the wire before it does: a listener that is given a gap, a broadcast
 * twice, or another order is written down in `violations`.
 */
export function witness(violations: string[]): typeof WebSocket {
  return class extends WebSocket {
    #since: number | undefined
    #last: number | undefined

    constructor(url: string | URL) {
      super(url)
      this.addEventListener('message', ({ data }) => {
        for (const line of String(data).split('\n')) this.#look(JSON.parse(line))
      })
    }

    override send(data: string): void {
      const { since } = JSON.parse(data)
      if (since !== undefined) this.#since = since.seq
      super.send(data)
    }

    #look(message: Message): void {
      const { role, recovered, position, event, seq, replay } = message
      if (role === 'listener') this.#last = recovered ? this.#since : position!.seq
      if (event?.type === 'lagged') this.#last = event.position!.seq
      if (seq === undefined || replay || this.#last === undefined) return
      if (seq !== this.#last + 1) violations.push(`${seq} after ${this.#last}`)
      this.#last = seq
    }
  }
}
