import { SUITE_SETTINGS, testProtocol } from '../contracts/protocol.ts'
import { startTestServer } from '../support/server.ts'

const env = {
  STATE_ENTRIES: String(SUITE_SETTINGS.stateEntries),
  GRACE_SECONDS: String(SUITE_SETTINGS.graceSeconds),
}

testProtocol('Node, memory log', async () => {
  const { url, stop } = await startTestServer(env)
  return { urls: [url], stop }
})
