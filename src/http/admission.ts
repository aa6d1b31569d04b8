import type { Problem } from '../protocol/codes.ts'
import { isAllowedOrigin, type OriginPolicy } from './origin.ts'

/** What decides who may come in, for requests and for upgrades alike. */
export interface Admission {
  readonly origins: OriginPolicy
  /** Why nobody can come in; undefined: they can. */
  ailment(): Problem | undefined
}

/** Why this client may not come in; undefined: it may. `origin` and `host` are the request's headers. */
export function refusalOf(admission: Admission, origin: string | undefined, host: string | undefined) {
  return isAllowedOrigin(admission.origins, origin, host) ? admission.ailment() : ORIGIN_REFUSED
}

const ORIGIN_REFUSED: Problem = { code: 'origin_refused', message: 'pages of this origin may not connect here' }
