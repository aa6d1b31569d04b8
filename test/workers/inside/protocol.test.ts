import { exports } from 'cloudflare:workers'
import { testProtocol } from '../../contracts/protocol.ts'
import { Client } from './client.ts'

testProtocol('Workers, inside workerd', async () => ({
  connect: Client.connect,
  fetch: (path, init) => exports.default.fetch(`http://localhost${path}`, init),
  // The runtime, which the suite runs in, ends with it.
  stop: async () => {},
}))
