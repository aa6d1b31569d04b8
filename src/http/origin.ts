/** Which pages may open a socket: browsers say where the page came from, and do not stop it themselves (RFC 6455, 10.2). */
export interface OriginPolicy {
  /**
   * Beside the server's own. `*` allows every page, `https://*.example.org` those of all hosts below example.org, and not its
   * own.
   */
  readonly allowed: readonly string[]
  /** The server's own origins (`PUBLIC_URL`). With none, the request's Host says which it is, as far as that is believed. */
  readonly own: readonly string[]
  /**
   * Whose word a Host is: `platform`, which only lets requests for this server's own names through; `client`, where any name
   * may have been made to point here (DNS rebinding), so that only addresses and localhost are believed.
   */
  readonly hostFrom: 'platform' | 'client'
  /** Whether a request without an Origin header, as programs other than browsers send, is let in. */
  readonly allowNone: boolean
}

/** What of a request says where its page came from, and whom it asked. */
export interface Asking {
  readonly origin: string | undefined
  readonly host: string | undefined
  /** `http:` or `https:`, where that is known: behind a proxy it is not. */
  readonly scheme?: string
}

/** `unknown host`: the page is of the host that was asked, which is none that the server knows to be its own. */
export type Verdict = 'allowed' | 'refused' | 'unknown host'

export function judgeOrigin(policy: OriginPolicy, { origin, host, scheme }: Asking): Verdict {
  if (origin === undefined) return policy.allowNone ? 'allowed' : 'refused'
  const { allowed, own } = policy
  if (own.includes(origin) || allowed.some((each) => matches(each, origin))) return 'allowed'
  const url = URL.parse(origin)
  if (url === null || url.host !== host?.toLowerCase()) return 'refused'
  if (own.length > 0) return 'unknown host'
  if (policy.hostFrom === 'client') return isAddress(url.hostname) ? 'allowed' : 'unknown host'
  return scheme === undefined || url.protocol === scheme ? 'allowed' : 'refused'
}

/** What `origins` in settings.ts takes. */
function matches(allowed: string, origin: string): boolean {
  if (allowed === '*') return true
  const star = allowed.indexOf('*')
  if (star === -1) return allowed === origin
  const [before, after] = [allowed.slice(0, star), allowed.slice(star + 1)]
  if (!origin.startsWith(before) || !origin.endsWith(after)) return false
  return LABELS.test(origin.slice(before.length, -after.length))
}

const LABELS = /^[\w-]+(\.[\w-]+)*$/

/** An IP address, or a name that browsers take for the machine itself: no name server can point one elsewhere. */
function isAddress(hostname: string): boolean {
  return /^(\d+\.\d+\.\d+\.\d+|\[.*\]|(.*\.)?localhost)$/.test(hostname)
}
