import type { Session } from '../room/session.ts'
import type { Writer, Writing } from '../room/writer.ts'

/** One WebSocket that is open here. */
export interface Peer {
  readonly session: Session
  /** Something was heard from it since the last ping. */
  isAlive: boolean
  /** It is read, and its line has room: what it answers is heard. */
  readonly canAnswer: boolean
  ping(): void
  terminate(): void
}

/** All open WebSockets, and what is done to all of them: a slice at a time, since each costs a write. */
export class Peers {
  readonly #writer: Writer
  readonly #peers = new Set<Peer>()

  constructor(writer: Writer) {
    this.#writer = writer
  }

  get size(): number {
    return this.#peers.size
  }

  add(peer: Peer): void {
    this.#peers.add(peer)
  }

  delete(peer: Peer): void {
    this.#peers.delete(peer)
  }

  /** Pings each, and ends those that have not been heard of since the last time. */
  ping(): void {
    this.#forEach((peer) => {
      // A line with a backlog cannot answer yet; the write deadline has an eye on it.
      if (!peer.isAlive && peer.canAnswer) {
        peer.session.unresponsive()
        peer.terminate()
        return
      }
      peer.isAlive = false
      peer.ping()
    })
  }

  goAway(retryWithin: number): void {
    this.#forEach((peer) => peer.session.goAway(retryWithin))
  }

  terminate(): void {
    for (const peer of this.#peers) peer.terminate()
  }

  #forEach(visit: (peer: Peer) => void): void {
    const rest = this.#peers.values()
    const walk: Writing = {
      write(budget) {
        let writes = 0
        for (; writes < budget; writes++) {
          const { value: peer, done } = rest.next()
          if (done) break
          visit(peer)
        }
        return writes
      },
    }
    this.#writer.wake(walk)
  }
}
