import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { SUITE_VARIABLES } from './test/contracts/protocol-settings.ts'
import { hasWorkerd } from './test/support/workerd.ts'

// No network, and nothing of ours in the home of who runs this.
process.env.CLOUDFLARE_CF_FETCH_ENABLED ??= 'false'
process.env.WRANGLER_SEND_METRICS ??= 'false'
process.env.XDG_CONFIG_HOME ??= join(tmpdir(), 'roomcast-tests')

/** The tests that run in workerd itself, with `variables` for the Worker: a project, and so a runtime, for each set of them. */
const insideWorkerd = (name: string, variables: Record<string, string>, include: string, exclude: string[] = []) => ({
  extends: true as const,
  plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.toml' }, miniflare: { bindings: variables } })],
  test: { name, include: [include], exclude },
})

/** The suite of every runtime lets grace times pass; the others set the clock, and none is to pass before they do. */
const INSIDE = 'test/workers/inside/**/*.test.ts'
const PROTOCOL_INSIDE = 'test/workers/inside/protocol.test.ts'

export default defineConfig({
  test: {
    reporters: ['default', './test/support/totals.ts'],
    // A machine that does something else at the time is slow, and no failure.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 15_000 } },
    coverage: { provider: 'istanbul', include: ['src/**/*.ts'] },
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/browser/**', 'test/workers/inside/**'],
        },
      },
      {
        extends: true,
        test: { name: 'browser', include: ['test/browser/**/*.test.ts'], testTimeout: 60_000 },
      },
      ...(hasWorkerd()
        ? [
            insideWorkerd('workers', { GRACE_SECONDS: '60', HANDSHAKE_SECONDS: '2' }, INSIDE, [PROTOCOL_INSIDE]),
            insideWorkerd('workers-protocol', SUITE_VARIABLES, PROTOCOL_INSIDE),
          ]
        : []),
    ],
  },
})
