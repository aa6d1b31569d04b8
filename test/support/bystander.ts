import { expect } from 'vitest'
import { joinRoom, type Message, openRoom, say, type TestSocket } from './socket.ts'

/** A room that what happens in others is to leave alone: its owner and its listener get their own, and nothing else. */
export class Bystander {
  readonly uuid: string
  readonly #owner: TestSocket
  readonly #listener: TestSocket
  #count = 0

  static async enter(url: string): Promise<Bystander> {
    const { owner, uuid } = await openRoom(url)
    const { listener } = await joinRoom(url, uuid)
    const bystander = new Bystander(uuid, owner, listener)
    await bystander.isUndisturbed()
    return bystander
  }

  constructor(uuid: string, owner: TestSocket, listener: TestSocket) {
    this.uuid = uuid
    this.#owner = owner
    this.#listener = listener
  }

  async isUndisturbed(): Promise<void> {
    const count = ++this.#count
    this.#owner.send(say(this.uuid, 'tick', [count], { id: String(count) }))
    await this.#owner.nextEvent('ack')
    await this.#listener.nextBroadcast()
    const ticks = Array.from({ length: count }, (_, i) => i + 1)
    expect(this.#listener.received.slice(1).map(tick)).toEqual(ticks)
    expect(this.#owner.received.slice(1).filter((message) => message.event?.type !== 'listeners')).toMatchObject(
      ticks.map((seq) => ({ event: { type: 'ack', id: String(seq), position: { seq } } })),
    )
  }

  leave(): void {
    this.#owner.close()
    this.#listener.close()
  }
}

/** What the tick says, once it has shown that it is one in its place. */
function tick({ funcKey, seq, funcParams }: Message): unknown {
  return funcKey === 'tick' && funcParams[0] === seq ? seq : { funcKey, seq, funcParams }
}
