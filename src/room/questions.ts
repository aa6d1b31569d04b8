import type { Problem } from '../protocol/codes.ts'

/** What a listener says to the owner (C1), as a codec body. */
export interface Remark {
  readonly from: string
  readonly body: string
}

/** What the owner of `term` says to the clients that it names (C4), as a codec body. */
export interface Whisper {
  readonly term: number
  readonly to: readonly string[]
  readonly body: string
}

/** The owner of `term` offers the room to the listener `to` (O3). */
export interface Offer {
  readonly term: number
  readonly to: string
}

/** Who comes and goes on a node, for the owner of `term`. */
export interface Report {
  readonly term: number
  /** Listeners on that node. */
  readonly count: number
  readonly joined: readonly string[]
  readonly left: readonly string[]
}

/** What one node asks another about a room. Both are of the same version: nothing here has to be understood by another. */
export type Question =
  | { readonly kind: 'feedback'; readonly remarks: readonly Remark[] }
  | { readonly kind: 'look'; readonly ids: readonly string[] }
  | { readonly kind: 'whisper'; readonly whispers: readonly Whisper[] }
  | ({ readonly kind: 'offer' } & Offer)
  | ({ readonly kind: 'report' } & Report)

export type QuestionKind = Question['kind']

export type QuestionOf<Kind extends QuestionKind> = Extract<Question, { kind: Kind }>

export interface Answers {
  /** Of each remark, in their order; null: the owner has been told. */
  readonly feedback: { readonly problems: readonly (Problem | null)[] }
  /** Those of `ids` that are not on that node, and the newest term that it knows of. */
  readonly look: { readonly term: number; readonly absent: readonly string[] }
  /** The newest term that it knows of: whispers of an older one were not passed on. */
  readonly whisper: { readonly term: number }
  readonly offer: { readonly problem: Problem | null }
  readonly report: object
}

type Check = (value: unknown) => boolean

const isText: Check = (value) => typeof value === 'string'
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const isNull: Check = (value) => value === null
const either =
  (one: Check, other: Check): Check =>
  (value) =>
    one(value) || other(value)
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)
const shape =
  (fields: Record<string, Check>): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(fields).every(([name, check]) => check((value as Record<string, unknown>)[name]))

const isProblem = either(isNull, shape({ code: isText, message: isText }))

const QUESTIONS: Record<QuestionKind, Check> = {
  feedback: shape({ remarks: listOf(shape({ from: isText, body: isText })) }),
  look: shape({ ids: listOf(isText) }),
  whisper: shape({ whispers: listOf(shape({ term: isCount, to: listOf(isText), body: isText })) }),
  offer: shape({ term: isCount, to: isText }),
  report: shape({ term: isCount, count: isCount, joined: listOf(isText), left: listOf(isText) }),
}

const ANSWERS: Record<QuestionKind, Check> = {
  feedback: shape({ problems: listOf(isProblem) }),
  look: shape({ term: isCount, absent: listOf(isText) }),
  whisper: shape({ term: isCount }),
  offer: shape({ problem: isProblem }),
  report: shape({}),
}

/** Undefined: it is none. */
export function readQuestion(text: string): Question | undefined {
  const question = parse(text)
  if (!shape({ kind: (kind) => isText(kind) && Object.hasOwn(QUESTIONS, kind as string) })(question)) return undefined
  const { kind } = question as Question
  return QUESTIONS[kind](question) ? (question as Question) : undefined
}

/** Undefined: it is no answer to a question of that kind. */
export function readAnswer<Kind extends QuestionKind>(kind: Kind, text: string): Answers[Kind] | undefined {
  const answer = parse(text)
  return ANSWERS[kind](answer) ? (answer as Answers[Kind]) : undefined
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
