import type { Nodes } from './ports.ts'
import { type Answers, type QuestionKind, type QuestionOf, readAnswer } from './questions.ts'

/** Questions that a room has under way at one time. A client can name any number of nodes that there are not. */
const UNANSWERED = 1000

/** The same room on the other nodes. */
export class Neighbours {
  readonly #nodes: Nodes
  readonly #uuid: string
  readonly #onSilence: (node: string) => void
  #unanswered = 0

  /** `onSilence` is told of a node that did not answer, or does not hold the room. */
  constructor(nodes: Nodes, uuid: string, onSilence: (node: string) => void) {
    this.#nodes = nodes
    this.#uuid = uuid
    this.#onSilence = onSilence
  }

  /** `node`, unless it is this one. */
  other(node: string | undefined): string | undefined {
    return node === this.#nodes.name ? undefined : node
  }

  /** The other node that a client is on by its id; undefined: it is on this one, or nowhere. */
  nodeOf(clientId: string): string | undefined {
    const dot = clientId.indexOf('.')
    return dot > 0 ? this.other(clientId.slice(0, dot)) : undefined
  }

  /** Undefined when there is no answer. Never rejects. */
  async ask<Kind extends QuestionKind>(
    node: string,
    question: QuestionOf<Kind> & { readonly kind: Kind },
  ): Promise<Answers[Kind] | undefined> {
    if (this.#unanswered >= UNANSWERED) return undefined
    this.#unanswered++
    const text = await this.#answerOf(node, JSON.stringify(question))
    this.#unanswered--
    const answer = text === undefined ? undefined : readAnswer(question.kind, text)
    if (answer === undefined) this.#onSilence(node)
    return answer
  }

  async #answerOf(node: string, question: string): Promise<string | undefined> {
    try {
      return await this.#nodes.ask(node, this.#uuid, question)
    } catch {
      // To a room, an error of the way there is silence like any other.
      return undefined
    }
  }
}
