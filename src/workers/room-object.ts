import { DurableObject } from 'cloudflare:workers'
import { webCryptoSecrets } from '../http/secrets.ts'
import { PING, PONG } from '../protocol/routes.ts'
import { Budget } from '../room/budget.ts'
import type { RoomHouse } from '../room/house.ts'
import { PATIENCE } from '../room/limits.ts'
import { Manager } from '../room/manager.ts'
import { Session } from '../room/session.ts'
import { Writer } from '../room/writer.ts'
import { readObjectUrl } from './addresses.ts'
import { objectClock } from './clock.ts'
import { type Config, readConfig } from './config.ts'
import { Deadlines } from './deadlines.ts'
import { refuseSocket } from './refusing.ts'
import { RoomStore } from './room-store.ts'
import { type Attachment, type LineWatch, SocketConnection } from './socket-connection.ts'
import {
  Guess,
  guessedRate,
  type KeptGuess,
  type KeptProofs,
  type KeptUntaken,
  Proofs,
  type Untaken,
} from './untaken.ts'

/** RFC 6455, 7: the `readyState` of a socket that can be written to. */
const OPEN = 1

/**
 * Milliseconds after which an object looks at its room even if nothing has happened: one whose sockets all went with the
 * machine is told of none of them, and nobody might ever ask for the room again.
 */
const WATCH = 3_600_000

/** Milliseconds that an alarm may be late: past that the platform was away, and no owner could come back. */
const LATE = 10_000

/** Milliseconds until a room that should have ended, and whose storage fails, is looked at again. */
const RETRY = 1000

/** Milliseconds for clients to come back in, whose room cannot be found where they were. */
const RETRY_WITHIN = 1000

const NOT_KEPT = () => {}

/** One room: the single writer of its log, and the end of its clients' sockets. It sleeps whenever nothing happens. */
export class RoomObject extends DurableObject<Cloudflare.Env> {
  readonly #config: Config
  readonly #deadlines: Deadlines
  readonly #store: RoomStore
  readonly #house: RoomHouse
  readonly #manager: Manager
  readonly #sessions = new Map<WebSocket, Session>()
  readonly #connections = new WeakMap<WebSocket, SocketConnection>()
  /** Sockets whose clients do not say what they take. */
  readonly #silent = new Set<WebSocket>()
  /** The room that this object is; known before anything is asked of it. */
  #uuid = ''

  constructor(context: DurableObjectState, env: Cloudflare.Env) {
    super(context, env)
    this.#config = readConfig(env)
    const { limits, memoryBytes } = this.#config
    const budget = new Budget(memoryBytes)
    const clock = objectClock(context)
    const secrets = { ...webCryptoSecrets, uuid: () => this.#uuid }
    this.#deadlines = new Deadlines(context.storage)
    this.#store = new RoomStore(context.storage, {
      limits,
      budget,
      secrets: webCryptoSecrets,
      onFailure: (error) => console.error('the storage failed:', error),
      onOwner: (since) => this.#watchBy(since),
      onEmpty: () => this.#deadlines.rearm(Date.now()),
    })
    this.#house = { log: this.#store, clock, writer: new Writer(clock), limits, budget, secrets }
    this.#manager = new Manager(this.#house)
    context.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG))
    context.blockConcurrencyWhile(() => this.#wake())
  }

  /** Opens the room, with nobody in it. */
  async create(uuid: string): Promise<{ readonly uuid: string; readonly ownerKey: string }> {
    this.#uuid = uuid
    return this.#manager.create()
  }

  /** Takes a client's socket. */
  override async fetch(request: Request): Promise<Response> {
    const asked = readObjectUrl(request.url)
    if (asked === undefined) return new Response(null, { status: 404 })
    const { sockets } = this.#config
    if (this.#sessions.size >= sockets) {
      return refuseSocket({
        code: 'room_full',
        message: `the room is full: at most ${sockets} connections`,
        limit: sockets,
      })
    }
    this.#uuid = asked.uuid
    const { 0: client, 1: server } = new WebSocketPair()
    this.ctx.acceptWebSocket(server)
    const kept = { ...asked, since: Date.now() }
    server.serializeAttachment(kept)
    this.#seat(server, kept)
    return new Response(null, { status: 101, webSocket: client })
  }

  override async webSocketMessage(ws: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const session = await this.#sessionOf(ws)
    if (typeof data === 'string') session?.receive(data)
    else session?.receiveBinary(data.byteLength)
  }

  override async webSocketClose(ws: WebSocket): Promise<void> {
    const session = await this.#sessionOf(ws)
    this.#sessions.delete(ws)
    this.#silent.delete(ws)
    session?.gone()
    this.#connections.get(ws)?.forget()
    await this.#leaveNothing()
  }

  override webSocketError(ws: WebSocket): Promise<void> {
    return this.webSocketClose(ws)
  }

  override async alarm(): Promise<void> {
    const now = Date.now()
    this.#deadlines.ring(now)
    try {
      await this.#store.excuse(now - this.#config.limits.grace - LATE, now)
      await this.#manager.expire()
      await this.#store.reportOwner()
      await this.#leaveNothing()
    } catch (error) {
      console.error('the storage failed:', error)
      this.#deadlines.wakeBy(now + RETRY)
    }
  }

  /** Sets the alarm for a room whose owner has been gone `since` then; undefined: it is here. */
  #watchBy(since: number | undefined): void {
    const now = Date.now()
    const { grace } = this.#config.limits
    // A room that could not be ended would else be tried again at once, and again.
    this.#deadlines.wakeBy(since === undefined ? now + WATCH : Math.max(since + grace, now + RETRY))
  }

  /** An object that is no room, and where nobody has still to say what it wants, has no use for what its alarms have stored. */
  async #leaveNothing(): Promise<void> {
    if (this.#deadlines.isIdle) await this.#store.clear()
  }

  /** Everybody is put back where they were. Whatever comes in meanwhile waits for it. */
  async #wake(): Promise<void> {
    await this.#deadlines.load()
    const sockets = this.ctx.getWebSockets().filter(({ readyState }) => readyState === OPEN)
    if (sockets.length === 0) return this.#store.loseOwners(Date.now())
    for (const ws of sockets) await this.#seatAgain(ws)
  }

  /** The session of a socket; one that was closing when the object woke has yet to be put back, to leave in order. */
  async #sessionOf(ws: WebSocket): Promise<Session | undefined> {
    return this.#sessions.get(ws) ?? this.#seatAgain(ws)
  }

  async #seatAgain(ws: WebSocket): Promise<Session | undefined> {
    const kept = ws.deserializeAttachment() as Attachment | null
    if (kept === null || kept.isOver) return undefined
    this.#uuid = kept.uuid
    const session = this.#seat(ws, kept)
    const { member } = kept
    if (member === undefined) return session
    const room = await this.#manager.room(kept.uuid).catch(() => undefined)
    if (room === undefined) {
      session.goAway(RETRY_WITHIN)
      if (member.role === 'owner') this.#manager.ownerLost(kept.uuid, member.term)
    } else session.restore(room, member)
    return session
  }

  #seat(ws: WebSocket, kept: Attachment): Session {
    const { clock } = this.#house
    const { writeDeadline } = this.#config
    let cancel = NOT_KEPT
    const watch: LineWatch = {
      full: (full, drainsIn) => {
        cancel()
        cancel = NOT_KEPT
        if (full === undefined) return
        const deadline = Math.min(full.since + writeDeadline, full.from + PATIENCE * writeDeadline)
        cancel =
          drainsIn === undefined
            ? this.#deadlines.add(deadline, () => session.stalled())
            : this.#deadlines.add(clock.now() + drainsIn, () => connection.relieved())
      },
      drained: () => {
        cancel()
        session.drained()
      },
      // Not in the middle of what is being written.
      exhausted: () => queueMicrotask(() => session.stalled()),
      // What is said to it after a sleep is nobody's: its room has to hear now that it is gone.
      closed: () => queueMicrotask(() => session.gone()),
    }
    const untakenOf = (reports: boolean, kept: KeptUntaken | undefined) => this.#untakenOf(ws, reports, kept)
    const connection = new SocketConnection(ws, kept, clock.now, untakenOf, watch)
    this.#connections.set(ws, connection)
    // Its handshake deadline counts from when it came, however often the object has slept since; who is in has kept it.
    const after = (ms: number, task: () => void) =>
      kept.member === undefined ? this.#deadlines.add(kept.since + ms, task) : NOT_KEPT
    const house = { ...this.#house, clock: { ...clock, after } }
    const session: Session = new Session(this.#manager, house, connection, kept.isAddressed ? kept.uuid : undefined)
    this.#sessions.set(ws, session)
    return session
  }

  #untakenOf(ws: WebSocket, reports: boolean, kept: KeptUntaken | undefined): Untaken {
    const { clock, secrets } = this.#house
    if (reports) {
      this.#silent.delete(ws)
      return new Proofs(secrets.clientId, kept as KeptProofs | undefined)
    }
    this.#silent.add(ws)
    return new Guess(clock.now, () => guessedRate(this.#silent.size), kept as KeptGuess | undefined)
  }
}
