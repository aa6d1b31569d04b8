import { type Decoded, decode, type Saying } from '../../protocol/codec.ts'
import type { Problem } from '../../protocol/codes.ts'
import { isUuid } from '../../protocol/messages.ts'
import { utf8Length } from '../../room/bytes.ts'
import { draftOf } from '../../room/draft.ts'
import { problemOf } from '../../room/errors.ts'
import type { Cancel, Clock, RoomLog } from '../../room/ports.ts'
import type { RedisDriver } from './driver.ts'
import { READ_INGEST, RELEASE_INGEST } from './scripts.ts'

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

/** Milliseconds for which one node is the reader, and between two times that it says so. */
const LEASE = 6000
const RENEW = 2000

/** Broadcasts on their way into the log at one time. */
const UNDER_WAY = 1000

/** Who can publish there is the owner's equal: its term is never an old one. */
const ANY_TERM = Number.MAX_SAFE_INTEGER

/**
 * Broadcasts that a backend makes by `PUBLISH` to a room's channel. Of all nodes one listens, so that each is taken once; the
 * publisher sees by the reply whether anybody did.
 */
export class Ingest {
  readonly #driver: RedisDriver
  readonly #options: IngestOptions
  readonly #channels: string
  readonly #keys: readonly string[]
  #isReader = false
  #leaseUntil = 0
  #underWay = 0
  #cancel: Cancel | undefined
  #isClosed = false

  constructor(driver: RedisDriver, options: IngestOptions) {
    this.#driver = driver
    this.#options = options
    this.#channels = `${options.prefix}ingest:`
    this.#keys = [`${options.prefix}{ingest}:reader`]
    this.#tick()
  }

  /** Another node may listen at once. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancel?.()
    await this.#driver.run(RELEASE_INGEST, this.#keys, [this.#options.node]).catch(() => {
      // Out of reach: the lease runs out by itself.
    })
  }

  #tick(): void {
    this.#renew()
      .catch(() => {
        // Out of reach: the lease runs out by itself.
      })
      .finally(() => {
        if (!this.#isClosed) this.#cancel = this.#options.clock.after(RENEW, () => this.#tick())
      })
  }

  async #renew(): Promise<void> {
    const { clock, node } = this.#options
    const asked = clock.now()
    const isReader = (await this.#driver.run(READ_INGEST, this.#keys, [node, String(LEASE)])) === 1
    if (isReader) this.#leaseUntil = asked + LEASE
    if (isReader === this.#isReader) return
    const pattern = `${this.#channels}*`
    if (isReader) await this.#driver.overhear(pattern, this.#hear)
    else await this.#driver.stopOverhearing(pattern, this.#hear)
    this.#isReader = isReader
  }

  readonly #hear = (text: string, channel: string): void => {
    // Another node may be the reader by now, and have heard it as well.
    if (this.#isClosed || this.#options.clock.now() >= this.#leaseUntil) return
    void this.#take(channel.slice(this.#channels.length), text)
  }

  async #take(uuid: string, text: string): Promise<void> {
    const { clock, log, messageBytes } = this.#options
    if (!isUuid(uuid)) return
    const read = readIngest(text, uuid, messageBytes)
    if (!read.ok) return this.#answer(uuid, { ...(read.id !== undefined && { id: read.id }), error: read.problem })
    const { id } = read.said
    const name = id === undefined ? {} : { id }
    if (this.#underWay >= UNDER_WAY) {
      const message = `more than ${UNDER_WAY} broadcasts are on their way`
      return this.#answer(uuid, {
        ...name,
        error: { code: 'rate_limited', message, limit: UNDER_WAY, retryAfter: 1000 },
      })
    }
    this.#underWay++
    try {
      const { seq } = await log.append(uuid.toLowerCase(), {
        ...draftOf(read.said, ANY_TERM, messageBytes),
        at: clock.now(),
      })
      if (id !== undefined) await this.#answer(uuid, { id, seq })
    } catch (error) {
      await this.#answer(uuid, { ...name, error: problemOf(error) })
    } finally {
      this.#underWay--
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

function refuse(field: string, complaint: string, id?: string): Read {
  const problem: Problem = { code: 'bad_message', field, message: `${field} ${complaint}` }
  return { ok: false, problem, ...(id !== undefined && { id }) }
}
