import { test } from 'vitest'
import { SLOW_LISTENER_VARIABLES, testSlowListener } from '../contracts/slow-listener.ts'
import { overSockets } from '../support/network.ts'
import { hasWorkerd } from '../support/workerd.ts'
import { startWranglerDev } from '../support/wrangler.ts'

if (hasWorkerd()) {
  testSlowListener('Workers, wrangler dev', async () => overSockets(await startWranglerDev(SLOW_LISTENER_VARIABLES)))
} else test.skip('a listener that stops reading: Workers')
