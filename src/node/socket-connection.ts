import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { RoomHouse } from '../room/house.ts'
import { PATIENCE } from '../room/limits.ts'
import type { Manager } from '../room/manager.ts'
import { Session } from '../room/session.ts'
import { WebSocketConnection } from '../transports/websocket.ts'
import type { Peer, Peers } from './peers.ts'

/** What the connected sockets of a server share. */
export interface SocketHouse {
  readonly manager: Manager
  readonly house: RoomHouse
  readonly peers: Peers
  /** Milliseconds in which a full line has to take something. */
  readonly writeDeadline: number
}

/** One WebSocket that is open here: hands what it reads to its session, and does not read while its line is full. */
export class ConnectedSocket implements Peer {
  readonly session: Session
  isAlive = true
  readonly #ws: WebSocket
  readonly #socket: Socket
  readonly #house: SocketHouse

  /** `socket` is the TCP socket below `ws`; `uuid` is the room that the address names, where it names one. */
  constructor(ws: WebSocket, socket: Socket, uuid: string | undefined, shared: SocketHouse) {
    this.#ws = ws
    this.#socket = socket
    this.#house = shared
    const connection = new WebSocketConnection(ws, socket, () => this.#watchDrain())
    this.session = new Session(shared.manager, shared.house, connection, uuid)
    shared.peers.add(this)
    ws.on('message', (data, isBinary) => this.#receive(String(data), isBinary))
    ws.on('pong', () => {
      this.isAlive = true
    })
    ws.on('error', ignore)
    ws.on('close', () => {
      shared.peers.delete(this)
      this.session.gone()
    })
  }

  get hasBacklog(): boolean {
    return this.#socket.writableLength > 0
  }

  ping(): void {
    this.#ws.ping()
  }

  terminate(): void {
    this.#ws.terminate()
  }

  #receive(text: string, isBinary: boolean): void {
    this.isAlive = true
    if (isBinary) this.session.receiveBinary()
    else this.session.receive(text)
  }

  /**
   * Tells the session when the socket, which is full, has drained, or has taken nothing at all for the write deadline. Until
   * then nothing is read from it: who does not take answers is not to ask for more.
   */
  #watchDrain(): void {
    const ws = this.#ws
    const socket = this.#socket
    const { session } = this
    const { writeDeadline } = this.#house
    if (ws.isPaused) return
    ws.pause()
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
      ws.resume()
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
