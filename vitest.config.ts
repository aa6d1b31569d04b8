import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { hasWorkerd } from './test/support/workerd.ts'

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
