import { SUITE_SETTINGS, testProtocol } from '../contracts/protocol.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startTestServer } from '../support/server.ts'

const env = {
  STATE_ENTRIES: String(SUITE_SETTINGS.stateEntries),
  GRACE_SECONDS: String(SUITE_SETTINGS.graceSeconds),
}

testProtocol('Node, memory log', async () => {
  const { url, stop } = await startTestServer(env)
  return { urls: [url], stop }
})

testProtocol('Node, SQLite log', async () => {
  const folder = temporaryFolder()
  const { url, stop } = await startTestServer({ ...env, LOG: 'sqlite', DATA_DIR: folder.path })
  return { urls: [url], stop: () => stop().finally(folder.remove) }
})
