import type { Hono } from 'hono'

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/**
 * Answers whatever else is asked of `paths` than one of `methods`: with those (RFC 9110, 9.3.7 and 15.5.6). Who has GET has
 * HEAD as well.
 */
export function allowOnly(app: Hono, paths: string[], methods: string[]): void {
  const given = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS']
  const allow = [...new Set(given)].sort().join(', ')
  app.on(
    METHODS.filter((method) => !methods.includes(method)),
    paths,
    (c) => {
      c.header('Allow', allow)
      if (c.req.method === 'OPTIONS') return c.body(null, 204)
      return c.json({ code: 'method_not_allowed', message: `this address takes ${allow}` }, 405)
    },
  )
}
