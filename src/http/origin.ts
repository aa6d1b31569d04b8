/** Which pages may open a socket: browsers say where the page came from, and do not stop it themselves (RFC 6455, 10.2). */
export interface OriginPolicy {
  /** Beside the server's own. `*` allows every page. */
  readonly allowed: readonly string[]
  /** Whether a request without an Origin header, as programs other than browsers send, is let in. */
  readonly allowNone: boolean
}

/** `host` is the request's Host header: its own pages are those that were loaded from there. */
export function isAllowedOrigin(policy: OriginPolicy, origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return policy.allowNone
  if (policy.allowed.includes('*') || policy.allowed.includes(origin)) return true
  return URL.canParse(origin) && new URL(origin).host === host
}
