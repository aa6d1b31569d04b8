/** Told whenever a connection was made, or lost by `error`. */
export type Disturbed = (error?: Error) => void

/** Milliseconds in which a server has to answer a command: a machine that hangs keeps its connections. */
export const ANSWER = 3000

/**
 * Gives up on a server that does not answer, and sends it nothing more until the answer comes or the connection is lost:
 * whatever is written to a connection would keep its own time-out from ever coming.
 */
export class Patience {
  readonly #disturbed: Disturbed
  readonly #hanging = new WeakSet<object>()

  constructor(disturbed: Disturbed) {
    this.#disturbed = disturbed
  }

  async with<T>(client: object, send: () => Promise<T>): Promise<T> {
    if (this.#hanging.has(client)) throw new Error('the server does not answer')
    const answer = send()
    return within(ANSWER, answer, (error) => {
      if (this.#hanging.has(client)) return
      this.#hanging.add(client)
      // A server that was only slow answers on the same connection: of that, nobody else would say that it is back.
      const isOver = () => {
        this.#hanging.delete(client)
        this.#disturbed()
      }
      answer.then(isOver, isOver)
      this.#disturbed(error)
    })
  }
}

/** Rejects when there is no answer in time: a client may wait for a server to come back. */
export async function within<T>(ms: number, promise: Promise<T>, onLate?: (error: Error) => void): Promise<T> {
  const { promise: deadline, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const late = new Error(`no answer in ${ms} ms`)
    onLate?.(late)
    reject(late)
  }, ms)
  try {
    return await Promise.race([promise, deadline])
  } finally {
    clearTimeout(timer)
  }
}
