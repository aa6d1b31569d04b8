import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { hasWorkerd } from './test/support/workerd.ts'

// No network, and nothing of ours in the home of who runs this.
process.env.CLOUDFLARE_CF_FETCH_ENABLED ??= 'false'
process.env.WRANGLER_SEND_METRICS ??= 'false'
process.env.XDG_CONFIG_HOME ??= join(tmpdir(), 'roomcast-tests')

// Its limits are small enough to be met in a test.
const cloudflare = () =>
  cloudflareTest({
    wrangler: { configPath: './wrangler.toml' },
    miniflare: { bindings: { STATE_ENTRIES: '20', GRACE_SECONDS: '60', HANDSHAKE_SECONDS: '2' } },
  })

export default defineConfig({
  test: {
    reporters: ['default', './test/support/totals.ts'],
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
        test: { name: 'browser', include: ['test/browser/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
      },
      ...(hasWorkerd()
        ? [
            {
              extends: true as const,
              plugins: [cloudflare()],
              test: { name: 'workers', include: ['test/workers/inside/**/*.test.ts'] },
            },
          ]
        : []),
    ],
  },
})
