import { type Decoded, decode, type Saying } from '../../protocol/codec.ts'
import type { Problem } from '../../protocol/codes.ts'
import { isUuid } from '../../protocol/messages.ts'
import { utf8Length } from '../../room/bytes.ts'
import { draftOf } from '../../room/draft.ts'
import { problemOf, RoomError } from '../../room/errors.ts'
import type { Clock, RoomLog } from '../../room/ports.ts'
import type { RedisDriver } from './driver.ts'
import { Reader } from './reader.ts'

export interface IngestOptions {
  readonly clock: Pick<Clock, 'now' | 'after'>
  readonly log: Pick<RoomLog, 'append'>
  readonly prefix: string
  readonly node: string
  /** Bytes of a message, UTF-8. */
  readonly messageBytes: number
}

/** What is published in answer: to a message with an `id`, and to each that is refused. */
type IngestAnswer = { readonly id?: string } & ({ readonly seq: number } | { readonly error: Problem })

/** Broadcasts on their way into the log at one time. */
const UNDER_WAY = 1000

/** Who can publish there is the owner's equal: its term is never an old one. */
const ANY_TERM = Number.MAX_SAFE_INTEGER

/**
 * Broadcasts that a backend makes by `PUBLISH` to a room's channel. One with an id is answered, and taken once however often
 * it is sent; one without is taken at most once, and may be lost with the node that heard it.
 */
export class Ingest {
  readonly #driver: RedisDriver
  readonly #options: IngestOptions
  readonly #reader: Reader
  readonly #underWay = new Set<Promise<void>>()

  constructor(driver: RedisDriver, options: IngestOptions) {
    this.#driver = driver
    this.#options = options
    this.#reader = new Reader(driver, {
      ...options,
      hear: (uuid, text, lease) => {
        const taken = this.#take(uuid, text, lease).finally(() => this.#underWay.delete(taken))
        this.#underWay.add(taken)
      },
    })
  }

  /** What has been heard is answered before. */
  async close(): Promise<void> {
    await this.#reader.close()
    await Promise.all(this.#underWay)
    await this.#reader.release()
  }

  async #take(uuid: string, text: string, lease: Promise<boolean> | undefined): Promise<void> {
    const { clock, log, messageBytes } = this.#options
    if (!isUuid(uuid)) return
    const read = readIngest(text, uuid, messageBytes)
    if (!read.ok) return this.#answer(uuid, { ...(read.id !== undefined && { id: read.id }), error: read.problem })
    const { id } = read.said
    const name = id === undefined ? {} : { id }
    if (this.#underWay.size >= UNDER_WAY) {
      const message = `more than ${UNDER_WAY} broadcasts are on their way`
      return this.#answer(uuid, {
        ...name,
        error: { code: 'rate_limited', message, limit: UNDER_WAY, retryAfter: 1000 },
      })
    }
    try {
      // With an id it is taken once, whoever takes it.
      if (lease !== undefined && !(await lease) && id === undefined) throw lost()
      const { seq } = await log.append(uuid.toLowerCase(), {
        ...draftOf(read.said, ANY_TERM, messageBytes),
        at: clock.now(),
      })
      if (id !== undefined) await this.#answer(uuid, { id, seq })
    } catch (error) {
      await this.#answer(uuid, { ...name, error: problemOf(error) })
    }
  }

  async #answer(uuid: string, answer: IngestAnswer): Promise<void> {
    await this.#driver.announce(`${this.#options.prefix}answers:${uuid}`, JSON.stringify(answer)).catch(() => {
      // Who waits for it sees that none comes.
    })
  }
}

type Read = { readonly ok: true; readonly said: Saying } | Extract<Decoded, { ok: false }>

/** Reads a message to the ingest channel of the room `uuid`: what an owner would send on a socket, and for all of the room. */
function readIngest(text: string, uuid: string, messageBytes: number): Read {
  if (text.length > messageBytes || utf8Length(text) > messageBytes) {
    const message = `a message is at most ${messageBytes} bytes`
    return { ok: false, problem: { code: 'message_too_large', message, field: 'message', limit: messageBytes } }
  }
  const decoded = decode(text)
  if (!decoded.ok) return decoded
  const { request } = decoded
  if (request.kind !== 'say') return refuse('status.value', 'must be 3: here one only broadcasts')
  const { id } = request
  if (request.uuid.toLowerCase() !== uuid.toLowerCase()) return refuse('uuid', 'is not the room of this channel', id)
  if (request.to !== 'all' && request.to !== 'others')
    return refuse('to', 'must be all or others: here is for the whole room', id)
  return { ok: true, said: { ...request, uuid: uuid.toLowerCase() } }
}

function lost(): RoomError {
  return new RoomError('log_unavailable', 'this was heard late: it is not known whether another server has taken it')
}

function refuse(field: string, complaint: string, id?: string): Read {
  const problem: Problem = { code: 'bad_message', field, message: `${field} ${complaint}` }
  return { ok: false, problem, ...(id !== undefined && { id }) }
}
