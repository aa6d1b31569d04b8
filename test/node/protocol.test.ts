import { testProtocol } from '../contracts/protocol.ts'
import { SUITE_VARIABLES } from '../contracts/protocol-settings.ts'
import { temporaryFolder } from '../support/folder.ts'
import { overSockets } from '../support/network.ts'
import { startTestServer } from '../support/server.ts'

testProtocol('Node, memory log', async () => overSockets(await startTestServer(SUITE_VARIABLES)))

testProtocol('Node, SQLite log', async () => {
  const folder = temporaryFolder()
  const { url, stop } = await startTestServer({ ...SUITE_VARIABLES, LOG: 'sqlite', DATA_DIR: folder.path })
  return overSockets({ url, stop: () => stop().finally(folder.remove) })
})
