import type { Problem } from '../protocol/codes.ts'
import { type Asking, judgeOrigin, type OriginPolicy } from './origin.ts'

/** What decides who may come in, for requests and for upgrades alike. */
export interface Admission {
  readonly origins: OriginPolicy
  /** Why nobody can come in; undefined: they can. */
  ailment(): Problem | undefined
}

/** Why this client may not come in; undefined: it may. */
export function refusalOf(admission: Admission, asking: Asking): Problem | undefined {
  const verdict = judgeOrigin(admission.origins, asking)
  if (verdict === 'allowed') return admission.ailment()
  return verdict === 'refused' ? STRANGER : unknownHost(asking.origin!)
}

const STRANGER: Problem = { code: 'origin_refused', message: 'pages of this origin may not connect here' }

/** What is most often the cause: somebody has given the server a name, and has not told it. */
function unknownHost(origin: string): Problem {
  const url = new URL(origin).origin
  return {
    code: 'origin_refused',
    message: `the server does not know ${url} as its own address: set PUBLIC_URL=${url}`,
  }
}
