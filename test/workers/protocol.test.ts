import { test } from 'vitest'
import { SUITE_SETTINGS, testProtocol } from '../contracts/protocol.ts'
import { hasWorkerd } from '../support/workerd.ts'
import { startWranglerDev } from '../support/wrangler.ts'

if (hasWorkerd()) {
  testProtocol('Workers, wrangler dev', async () => {
    const { url, stop } = await startWranglerDev({
      STATE_ENTRIES: String(SUITE_SETTINGS.stateEntries),
      GRACE_SECONDS: String(SUITE_SETTINGS.graceSeconds),
    })
    return { urls: [url], stop }
  })
} else test.skip('the protocol over the wire: Workers')
