import { SLOW_LISTENER_VARIABLES, testSlowListener } from '../contracts/slow-listener.ts'
import { temporaryFolder } from '../support/folder.ts'
import { overSockets } from '../support/network.ts'
import { startTestServer } from '../support/server.ts'

testSlowListener('Node, memory log', async () => overSockets(await startTestServer(SLOW_LISTENER_VARIABLES)))

testSlowListener('Node, SQLite log', async () => {
  const folder = temporaryFolder()
  const { url, stop } = await startTestServer({ ...SLOW_LISTENER_VARIABLES, LOG: 'sqlite', DATA_DIR: folder.path })
  return overSockets({ url, stop: () => stop().finally(folder.remove) })
})
