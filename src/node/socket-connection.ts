import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { RoomHouse } from '../room/house.ts'
import { PATIENCE } from '../room/limits.ts'
import type { Manager } from '../room/manager.ts'
import { Session } from '../room/session.ts'
import { WebSocketConnection } from '../transports/websocket.ts'
import type { Peer, Peers } from './peers.ts'
import { type Frame, Reader, type Turns } from './reading.ts'

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
export class ConnectedSocket implements Peer {
  readonly session: Session
  isAlive = true
  readonly #ws: WebSocket
  readonly #socket: Socket
  readonly #house: SocketHouse
  readonly #reader: Reader
  #isFull = false
  #isAsked = false

  /** `socket` is the TCP socket below `ws`; `uuid` is the room that the address names, where it names one. */
  constructor(ws: WebSocket, socket: Socket, uuid: string | undefined, shared: SocketHouse) {
    this.#ws = ws
    this.#socket = socket
    this.#house = shared
    this.#reader = new Reader(ws, shared.turns, (frame) => this.#hear(frame))
    const connection = new WebSocketConnection(
      ws,
      socket,
      () => this.#watchDrain(),
      (ms) => this.#reader.rest(ms),
    )
    this.session = new Session(shared.manager, shared.house, connection, uuid)
    shared.peers.add(this)
    ws.on('message', (data, isBinary) => this.#receive(isBinary ? 'binary' : 'text', data as Buffer))
    ws.on('ping', (data) => this.#receive('ping', data))
    ws.on('pong', (data) => this.#receive('pong', data))
    ws.on('error', ignore)
    ws.on('close', () => {
      this.#reader.end()
      shared.peers.delete(this)
      this.session.gone()
    })
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

  #receive(kind: Frame['kind'], data: Buffer): void {
    this.isAlive = true
    this.#reader.receive({ kind, data })
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
    const ws = this.#ws
    const socket = this.#socket
    const { session } = this
    const { writeDeadline } = this.#house
    if (this.#isFull) return
    this.#isFull = true
    if (!session.isOwner) this.#reader.hold(true)
    const stall = () => session.stalled()
    socket.setTimeout(writeDeadline, stall)
    // What still comes in starts that anew each time: a client that speaks and never reads is closed all the same.
    const patience = setTimeout(stall, PATIENCE * writeDeadline)
    const stop = () => clearTimeout(patience)
    ws.once('close', stop)
    socket.once('drain', () => {
      stop()
      ws.off('close', stop)
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

/** What has to be said of it, the close that follows says. */
function ignore(): void {}
