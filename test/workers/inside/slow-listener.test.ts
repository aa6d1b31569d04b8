import { exports } from 'cloudflare:workers'
import { testSlowListener } from '../../contracts/slow-listener.ts'
import { Client } from './client.ts'

// No network takes anything here: what may be under way to a listener is all that its line holds.
const SLIDES = 50

testSlowListener(
  'Workers, inside workerd',
  async () => ({
    connect: (path) => Client.connect(path),
    fetch: (path, init) => exports.default.fetch(`http://localhost${path}`, init),
    // The runtime, which the suite runs in, ends with it.
    stop: async () => {},
  }),
  SLIDES,
)
