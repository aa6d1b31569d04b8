import { test } from 'vitest'
import { testProtocol } from '../contracts/protocol.ts'
import { SUITE_VARIABLES } from '../contracts/protocol-settings.ts'
import { overSockets } from '../support/network.ts'
import { hasWorkerd } from '../support/workerd.ts'
import { startWranglerDev } from '../support/wrangler.ts'

if (hasWorkerd()) {
  testProtocol('Workers, wrangler dev', async () => overSockets(await startWranglerDev(SUITE_VARIABLES)))
} else test.skip('the protocol over the wire: Workers')
