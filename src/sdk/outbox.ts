import { RoomcastError } from './errors.ts'

/** What may wait for the server's word at one time: less than the tail by which the server knows what it has already. */
const MESSAGES = 1000
const CHARACTERS = 1024 * 1024

interface Unanswered {
  readonly text: string
  /** Said to single clients: not said again on another line, since the log does not know it. */
  readonly isTargeted: boolean
  resolve(): void
  reject(error: RoomcastError): void
}

/**
 * The broadcasts that the server has not acknowledged. They are sent again on each new line, in their order and under
 * their ids, so that none is lost and none is taken twice.
 */
export class Outbox {
  readonly #unanswered = new Map<string, Unanswered>()
  readonly #prefix = crypto.randomUUID()
  #count = 0
  #characters = 0

  /** Hands `send` the message under an id of its own. Settles with the server's answer. */
  async put(message: object, isTargeted: boolean, send: (text: string) => boolean): Promise<void> {
    const id = `${this.#prefix}:${++this.#count}`
    const text = JSON.stringify({ ...message, id })
    if (this.#unanswered.size >= MESSAGES || this.#characters + text.length > CHARACTERS) {
      const message = `more than ${MESSAGES} messages, or ${CHARACTERS} characters, wait for the server's answer`
      throw new RoomcastError({ code: 'queue_full', message })
    }
    const answer = new Promise<void>((resolve, reject) => {
      this.#unanswered.set(id, { text, isTargeted, resolve, reject })
      this.#characters += text.length
    })
    if (!send(text) && isTargeted) this.fail(id, notDelivered())
    return answer
  }

  acknowledge(id: string): void {
    this.#take(id)?.resolve()
  }

  /** False when `id` is none of the messages that wait. */
  fail(id: string, error: RoomcastError): boolean {
    const unanswered = this.#take(id)
    unanswered?.reject(error)
    return unanswered !== undefined
  }

  resend(send: (text: string) => boolean): void {
    for (const [id, { text, isTargeted }] of this.#unanswered) {
      if (isTargeted) this.fail(id, notDelivered())
      else send(text)
    }
  }

  failAll(error: RoomcastError): void {
    for (const id of [...this.#unanswered.keys()]) this.fail(id, error)
  }

  #take(id: string): Unanswered | undefined {
    const unanswered = this.#unanswered.get(id)
    if (unanswered === undefined) return undefined
    this.#unanswered.delete(id)
    this.#characters -= unanswered.text.length
    return unanswered
  }
}

function notDelivered(): RoomcastError {
  return new RoomcastError({
    code: 'not_delivered',
    message: 'the line was lost: whether it was delivered is not known',
  })
}
