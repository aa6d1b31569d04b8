import { execFileSync } from 'node:child_process'
import { afterAll, describe } from 'vitest'
import { stopAll } from './server.ts'

/** The first with functions, and with a bus port of the cluster that can be chosen. */
const OLDEST = 7

let redis: boolean | undefined
let openssl: boolean | undefined

/** Whether a `redis-server` of Redis 7 or newer is here. Where it is not, this says so, and in CI it throws. */
export function hasRedis(): boolean {
  redis ??= isHere(
    () => Number(/ v=(\d+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1]) >= OLDEST,
    `no redis-server of version ${OLDEST} or newer, which the tests of the Redis log need: \`apt-get install redis-server\``,
  )
  return redis
}

/** Whether `openssl` is here, which makes the certificate of a Redis with TLS. Where it is not, this says so, and in CI it throws. */
export function hasOpenssl(): boolean {
  openssl ??= isHere(
    () => execFileSync('openssl', ['version'], { stdio: 'pipe' }).length > 0,
    'no openssl, which the tests of Redis with TLS need: `apt-get install openssl`',
  )
  return openssl
}

/**
 * Tests with Redis servers, and with time for those to start on a busy machine. Where there is no `redis-server` they are
 * skipped; what they leave running is stopped.
 */
export function describeWithRedis(name: string, tests: () => void): void {
  describe.skipIf(!hasRedis())(name, { timeout: 60_000 }, () => {
    // Put up first, it runs last: after the hooks of the tests themselves.
    afterAll(stopAll)
    tests()
  })
}

function isHere(look: () => boolean, missing: string): boolean {
  try {
    if (look()) return true
  } catch {
    // It is not on the PATH.
  }
  if (process.env.CI !== undefined) throw new Error(missing)
  console.warn(`skipped: ${missing}`)
  return false
}
