import { type Handler, Handlers } from './handlers.ts'
import { Stored } from './stored.ts'
import type { Received, Stop } from './types.ts'

/** The name under which `each` has its handlers. */
const EACH = 'each'

interface Newcomer {
  readonly handlers: Handlers
  readonly name: string
  readonly handler: Handler
  isStopped: boolean
  /** Set when it is told of what comes. */
  stop: Stop | undefined
}

/** Who is told of the room's messages. Whoever is new is first told what is stored. */
export class Receivers {
  readonly stored = new Stored()
  readonly #actions: Handlers
  readonly #observers: Handlers
  #newcomers: Newcomer[] = []

  constructor(onThrow: (error: unknown, name: string) => void) {
    this.#actions = new Handlers(onThrow)
    this.#observers = new Handlers(onThrow)
  }

  on(action: string, handler: Handler): Stop {
    return this.#add(this.#actions, action, handler)
  }

  each(handler: Handler): Stop {
    return this.#add(this.#observers, EACH, handler)
  }

  /** The message is stored, where it is state, and told to all. */
  take(message: Received): void {
    this.admit()
    this.stored.take(message)
    this.#actions.run(message.action, ...message.params)
    this.#observers.run(EACH, message)
  }

  /** Whoever is new is told what is stored now, and from here on what comes. To be called before that changes. */
  admit(): void {
    if (this.#newcomers.length === 0) return
    const newcomers = this.#newcomers.filter(({ isStopped }) => !isStopped)
    this.#newcomers = []
    for (const newcomer of newcomers) newcomer.stop = newcomer.handlers.add(newcomer.name, newcomer.handler)
    const hearing = (handlers: Handlers) => newcomers.filter((newcomer) => newcomer.handlers === handlers)
    const [actions, observers] = [hearing(this.#actions), hearing(this.#observers)]
    const names = new Set(actions.map(({ name }) => name))
    for (const message of this.stored.all(observers.length > 0 ? undefined : names)) {
      for (const newcomer of actions) if (newcomer.name === message.action) tell(newcomer, message.params)
      for (const newcomer of observers) tell(newcomer, [message])
    }
  }

  #add(handlers: Handlers, name: string, handler: Handler): Stop {
    const newcomer: Newcomer = { handlers, name, handler, isStopped: false, stop: undefined }
    this.#newcomers.push(newcomer)
    // Not at once: all that are put up in this turn get the messages of all actions in the one order.
    queueMicrotask(() => this.admit())
    return () => {
      newcomer.isStopped = true
      newcomer.stop?.()
    }
  }
}

function tell({ handlers, name, handler, isStopped }: Newcomer, values: readonly unknown[]): void {
  if (!isStopped) handlers.call(name, handler, values)
}
