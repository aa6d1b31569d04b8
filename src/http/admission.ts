import { encode, goodbye } from '../protocol/codec.ts'
import { CODES, type DisconnectCode, type Problem } from '../protocol/codes.ts'
import { cutReason } from '../transports/close-reason.ts'
import { type Asking, judgeOrigin, type OriginPolicy } from './origin.ts'

/** Why a client is not let in. */
export type Refusal = Problem & { readonly code: DisconnectCode }

/** What decides who may come in, for requests and for upgrades alike. */
export interface Admission {
  readonly origins: OriginPolicy
  /** Why nobody can come in; undefined: they can. */
  ailment(): Refusal | undefined
  /** Is told of each client that is not let in. */
  refused(refusal: Refusal): void
}

/** Why this client may not come in; undefined: it may. */
export function refusalOf(admission: Admission, asking: Asking): Refusal | undefined {
  return originRefusalOf(admission, asking) ?? ailmentOf(admission)
}

/** Why clients of this origin may not come in. */
export function originRefusalOf(admission: Admission, asking: Asking): Refusal | undefined {
  const verdict = judgeOrigin(admission.origins, asking)
  return verdict === 'allowed' ? undefined : noted(admission, originRefused(asking.origin, verdict))
}

/** Why nobody may come in. */
export function ailmentOf(admission: Admission): Refusal | undefined {
  return noted(admission, admission.ailment())
}

function noted(admission: Admission, refusal: Refusal | undefined): Refusal | undefined {
  if (refusal !== undefined) admission.refused(refusal)
  return refusal
}

/**
 * What a client is told over a WebSocket that was opened for this alone: browsers hide the status of a handshake that is
 * refused (J5). `code` and `reason` are of the close that follows.
 */
export function farewell(refusal: Refusal): { readonly text: string; readonly code: number; readonly reason: string } {
  return { text: encode(goodbye('', refusal)), code: CODES[refusal.code].close, reason: cutReason(refusal.message) }
}

function originRefused(origin: string | undefined, verdict: 'refused' | 'unknown host'): Refusal {
  const code = 'origin_refused'
  if (origin === undefined) return { code, message: 'clients without an Origin header may not connect here' }
  const url = (URL.parse(origin)?.origin ?? 'null').slice(0, MAX_ORIGIN)
  if (verdict === 'refused') return { code, message: `pages of ${url} may not connect here` }
  // What is most often the cause: somebody has given the server a name, and has not told it.
  return { code, message: `set PUBLIC_URL=${url}: the server does not know that address as its own` }
}

/** Characters. A host name has at most 253. */
const MAX_ORIGIN = 300
