// In a thread of its own: clients of one room that send without end (neighbours.ts).
import { parentPort, workerData } from 'node:worker_threads'
import { PING } from '../../../src/protocol/routes.ts'
import type { Flood } from './neighbours.ts'
import { RawClient } from './raw-client.ts'

/** What may wait in a client's own socket. */
const UNSENT = 4 * 1024 * 1024

const { url, uuid, flood } = workerData as { url: string; uuid: string; flood: Flood }

const clients: RawClient[] = []
for (let n = 0; n < flood.clients; n++) {
  clients.push(flood.by === 'owner' ? await RawClient.open(url) : await RawClient.join(url, uuid))
}

function textOf(client: RawClient): string {
  const fields = { uuid: client.uuid, status: { value: 3, text: '' }, funcParams: [], stateMessage: false }
  if (flood.what === 'ping') return PING
  if (flood.what === 'taken') return JSON.stringify({ ...fields, funcKey: '', taken: 1 })
  return JSON.stringify({ ...fields, funcKey: 'flood', funcParams: ['x'.repeat(flood.size)] })
}

for (const client of clients) {
  const text = textOf(client)
  const batch = flood.rate === undefined ? 100 : Math.max(1, flood.rate / 20)
  setInterval(
    () => {
      for (let n = 0; n < batch && client.ws.bufferedAmount < UNSENT; n++) client.ws.send(text)
    },
    flood.rate === undefined ? 1 : 50,
  )
}
parentPort!.postMessage('begun')
