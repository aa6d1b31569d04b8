import { decode, encode, event, goodbye, type Request } from '../protocol/codec.ts'
import { CODES, type DisconnectCode, type Problem } from '../protocol/codes.ts'
import { isUuid } from '../protocol/messages.ts'
import { PING, PONG } from '../protocol/routes.ts'
import { Allowance } from '../room/allowance.ts'
import { utf8Length } from '../room/bytes.ts'
import type { RoomLimits } from '../room/limits.ts'

/** What a pipe is given. */
export interface PipeHouse {
  readonly limits: Pick<RoomLimits, 'messageBytes' | 'handshake'>
  /** A new room's name. */
  mint(): string
  /** Connects to a room's object; rejects, or has no `webSocket`, when that does not take it. */
  connect(uuid: string): Promise<Response>
}

type Disconnect = Problem & { readonly code: DisconnectCode }

/** As a session does: what may wait until the room has the client, the characters of more than one message; and what a client may get wrong. */
const WAITING = { messages: 32, characters: 256 * 1024 }
const OFFENCES = { burst: 20, rate: 1 }

/** Pings. An SDK sends one in 15 s; nobody is told whether the answers are read, so there must be few of them. */
const PINGS = { burst: 20, rate: 1 }

/**
 * A client whose address does not say which room it wants: its first message does. When that has come, all goes both ways
 * between it and the room's object, which then has the say.
 */
export class Pipe {
  readonly #near: WebSocket
  readonly #house: PipeHouse
  readonly #address: string | undefined
  readonly #deadline: ReturnType<typeof setTimeout>
  readonly #offences = new Allowance({ now: Date.now }, OFFENCES)
  readonly #pings = new Allowance({ now: Date.now }, PINGS)
  #far: WebSocket | undefined
  /** What came before the object was there. */
  #waiting: (string | ArrayBuffer)[] = []
  #waitingCharacters = 0
  #stage: 'new' | 'connecting' | 'open' | 'over' = 'new'

  /** `address` is the room that the address names, where it names what cannot be one. */
  constructor(near: WebSocket, house: PipeHouse, address: string | undefined) {
    this.#near = near
    this.#house = house
    this.#address = address
    // The Worker lives as long as the socket does, and is not billed for waiting.
    this.#deadline = setTimeout(
      () => this.#refuse({ code: 'handshake_timeout', message: 'neither opened nor joined a room in time' }),
      house.limits.handshake,
    )
    // A Blob, which is what binary messages come as otherwise, cannot be sent on.
    near.binaryType = 'arraybuffer'
    near.addEventListener('message', ({ data }) => this.#hear(data))
    near.addEventListener('close', ({ code, reason }) => this.#lost(code, reason))
    near.addEventListener('error', () => this.#lost(GONE, ''))
  }

  #hear(data: string | ArrayBuffer): void {
    if (this.#stage === 'over') return
    if (data === PING && !this.#pings.take()) return this.#refuse(TOO_MANY_PINGS)
    if (this.#stage === 'open') return attempt(() => this.#far!.send(data))
    if (data === PING) return this.#tell(PONG)
    if (this.#stage === 'connecting') return this.#wait(data)
    if (typeof data !== 'string') {
      return this.#offend({ code: 'binary_message', message: 'a message is JSON in a text frame' })
    }
    if (this.#isTooLarge(data)) return
    const decoded = decode(data)
    if (!decoded.ok) return this.#offend(decoded.problem, decoded.id)
    this.#begin(decoded.request, data)
  }

  #begin(request: Request, text: string): void {
    switch (request.kind) {
      case 'open':
        if (this.#address === undefined) return void this.#connect(this.#house.mint(), text)
        return this.#offend({ code: 'wrong_room', message: 'this address opens no room', field: 'uuid' })
      case 'join':
      case 'take back':
        if (this.#address === undefined && isUuid(request.uuid)) return void this.#connect(request.uuid, text)
        return this.#refuse(request.kind === 'join' ? NOT_FOUND : NOT_TAKEN)
      default: {
        const id = 'id' in request ? request.id : undefined
        this.#offend({ code: 'not_in_room', message: 'open or join a room first', field: 'status.value' }, id)
      }
    }
  }

  async #connect(uuid: string, first: string): Promise<void> {
    this.#stage = 'connecting'
    this.#waiting = [first]
    const response = await this.#house.connect(uuid.toLowerCase()).catch(() => undefined)
    const far = response?.webSocket
    clearTimeout(this.#deadline)
    if (far) return this.#join(far)
    const told = await response?.json<Disconnect>().catch(() => undefined)
    this.#refuse(told ?? { code: 'room_unavailable', message: 'the room cannot be reached at the moment' })
  }

  #join(far: WebSocket): void {
    far.binaryType = 'arraybuffer'
    far.accept()
    if (this.#stage === 'over') return attempt(() => far.close(GONE))
    this.#far = far
    this.#stage = 'open'
    far.addEventListener('message', ({ data }) => this.#tell(data))
    // An object that is gone without a word, as in a deployment, is there again in a moment.
    far.addEventListener('close', ({ code, reason }) => this.#end(sendable(code, CODES.going_away.close), reason))
    far.addEventListener('error', () => this.#end(CODES.going_away.close, ''))
    for (const data of this.#waiting.splice(0)) attempt(() => far.send(data))
  }

  #isTooLarge(text: string): boolean {
    const { messageBytes } = this.#house.limits
    if (utf8Length(text) <= messageBytes) return false
    this.#refuse(tooLarge(messageBytes))
    return true
  }

  /** All connections of an isolate share its memory: nothing large waits, whatever the platform would let in. */
  #wait(data: string | ArrayBuffer): void {
    if (typeof data === 'string' && this.#isTooLarge(data)) return
    this.#waitingCharacters += typeof data === 'string' ? data.length : data.byteLength
    const { messages, characters } = WAITING
    // The first, which says the room, waits with them.
    if (this.#waiting.length > messages) this.#refuseToWait(`more than ${messages} messages`)
    else if (this.#waiting.length > 1 && this.#waitingCharacters > characters) {
      this.#refuseToWait(`more than ${characters} characters`)
    } else this.#waiting.push(data)
  }

  #refuseToWait(what: string): void {
    this.#refuse({ code: 'too_many_errors', message: `${what} before being let in` })
  }

  /** The client is gone. */
  #lost(code: number, reason: string): void {
    attempt(() => this.#far?.close(sendable(code, GONE), reason))
    this.#end(sendable(code, GONE), reason)
  }

  #offend(problem: Problem, id?: string): void {
    this.#reply(problem, id)
    if (!this.#offences.take()) this.#refuse({ code: 'too_many_errors', message: 'too many messages were wrong' })
  }

  #reply(problem: Problem, id?: string): void {
    this.#tell(encode(event('', { type: 'error', ...problem, ...(id !== undefined && { id }) })))
  }

  #refuse(problem: Disconnect): void {
    if (this.#stage === 'over') return
    attempt(() => this.#far?.close(GONE))
    this.#tell(encode(goodbye('', problem)))
    this.#end(CODES[problem.code].close, problem.message)
  }

  #end(code: number, reason: string): void {
    this.#stage = 'over'
    this.#waiting = []
    clearTimeout(this.#deadline)
    attempt(() => this.#near.close(code, reason))
  }

  #tell(data: string | ArrayBuffer): void {
    attempt(() => this.#near.send(data))
  }
}

/** RFC 6455, 7.4.1: who has it is going away. */
const GONE = 1001

const TOO_MANY_PINGS: Disconnect = { code: 'too_many_errors', message: 'more pings than are answered' }
const NOT_FOUND: Disconnect = { code: 'room_not_found', message: 'there is no such room', field: 'uuid' }
const NOT_TAKEN: Disconnect = { code: 'take_back_refused', message: 'no such room, or not its key' }

function tooLarge(limit: number): Disconnect {
  return { code: 'message_too_large', message: `a message is at most ${limit} bytes`, field: 'message', limit }
}

/** RFC 6455, 7.4: some codes are only ever seen, and never sent. */
function sendable(code: number, otherwise: number): number {
  if (code === 1005) return 1000
  return code < 1000 || code === 1004 || code === 1006 || code === 1015 ? otherwise : code
}

function attempt(action: () => void): void {
  try {
    action()
  } catch {
    // That side is gone; its own close says so.
  }
}
