import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { RoomHouse } from '../room/house.ts'
import { PATIENCE } from '../room/limits.ts'
import type { Manager } from '../room/manager.ts'
import { Session } from '../room/session.ts'
import { WebSocketConnection } from '../transports/websocket.ts'
import type { Peer, Peers } from './peers.ts'
import { Reader, type Turns } from './reading.ts'
import { type Frame, listen, type WebSocketUser } from './web-socket.ts'

/** What the connected sockets of a server share. */
export interface SocketHouse {
  readonly manager: Manager
  readonly house: RoomHouse
  readonly peers: Peers
  readonly turns: Turns
  /** Milliseconds in which a full line has to take something. */
  readonly writeDeadline: number
}

/** One WebSocket that is open here, its session, and what is read from it. */
export class ConnectedSocket implements Peer, WebSocketUser {
  readonly session: Session
  isAlive = true
  readonly #ws: WebSocket
  readonly #socket: Socket
  readonly #house: SocketHouse
  readonly #reader: Reader
  readonly #connection: WebSocketConnection
  #isFull = false
  #isAsked = false
  #patience: ReturnType<typeof setTimeout> | undefined

  /** `socket` is the TCP socket below `ws`; `uuid` is the room that the address names, where it names one. */
  constructor(ws: WebSocket, socket: Socket, uuid: string | undefined, shared: SocketHouse) {
    this.#ws = ws
    this.#socket = socket
    this.#house = shared
    this.#reader = new Reader(ws, shared.turns, (frame) => this.#hear(frame))
    this.#connection = new WebSocketConnection(
      ws,
      socket,
      () => this.#watchDrain(),
      (ms) => this.#reader.rest(ms),
      shared.house.budget,
    )
    this.session = new Session(shared.manager, shared.house, this.#connection, uuid)
    shared.peers.add(this)
    listen(ws, this)
  }

  get canAnswer(): boolean {
    return !this.#reader.isDeaf && this.#socket.writableLength === 0
  }

  ping(): void {
    this.#isAsked = true
    this.#ws.ping()
  }

  terminate(): void {
    this.#ws.terminate()
  }

  heard(frame: Frame): void {
    this.isAlive = true
    this.#reader.receive(frame)
  }

  closed(): void {
    clearTimeout(this.#patience)
    this.#reader.end()
    this.#connection.drained()
    this.#house.peers.delete(this)
    this.session.gone()
  }

  #hear({ kind, data }: Frame): void {
    if (kind === 'text') return this.session.receive(String(data))
    if (kind === 'binary') return this.session.receiveBinary(data.length)
    // An answer to a ping of this side.
    if (kind === 'pong' && this.#isAsked) this.#isAsked = false
    else this.session.receiveControl(data.length)
    if (kind === 'ping' && !this.#isFull) this.#ws.pong(data)
  }

  /**
   * Tells the session when the socket, which is full, has drained, or has taken nothing at all for the write deadline. Until
   * then nothing is read from it, but from an owner: what listeners have it told is not to keep its audience waiting.
   */
  #watchDrain(): void {
    const socket = this.#socket
    const { session } = this
    const { writeDeadline } = this.#house
    if (this.#isFull) return
    this.#isFull = true
    if (!session.isOwner) this.#reader.hold(true)
    const stall = () => session.stalled()
    socket.setTimeout(writeDeadline, stall)
    // What still comes in starts that anew each time: a client that speaks and never reads is closed all the same.
    this.#patience = setTimeout(stall, PATIENCE * writeDeadline)
    socket.once('drain', () => {
      this.#connection.drained()
      clearTimeout(this.#patience)
      socket.setTimeout(0, stall)
      this.#isFull = false
      this.#reader.hold(false)
      session.drained()
    })
  }
}

/**
 * For the HTTP server's `timeout` event, by which it would destroy the socket itself: HTTP's own, and those alone that
 * nobody else waits for.
 */
export function endTimedOut(socket: Socket): void {
  if (socket.listenerCount('timeout') <= 1) socket.destroy()
}
