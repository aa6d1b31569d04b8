// The bare prototype of the fan-out: one sequence of encoded frames, a cursor for each listener, a writer that takes
// slices. It has one room, no checks, no replay and no policy for slow listeners, so it shows what those cost roomcast.
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import { host, port } from './address.ts'
import { welcome } from './welcome.ts'

interface Listener {
  readonly socket: Socket
  cursor: number
}

// 250 writes a turn batched better than 1,000, and those better than a walk over all.
const writesPerTurn = 250

const uuid = crypto.randomUUID()
const listeners: Listener[] = []
/** The finished frames of the recent broadcasts; `first` is the number of the first of them. */
const tail = { first: 0, frames: [] as Buffer[] }
/** Most listeners stand at the same cursor, so the range joined last is nearly always the one asked for next. */
let joined: { from: number; to: number; bytes: Buffer } = { from: -1, to: -1, bytes: Buffer.alloc(0) }
let next = 0
let awake = false

function head(): number {
  return tail.first + tail.frames.length
}

/** A text frame from server to client of up to 64 KiB: never masked (RFC 6455, 5.1). */
function encode(payload: Buffer): Buffer {
  const length = payload.length
  const header = length < 126 ? [0x81, length] : [0x81, 126, length >> 8, length & 255]
  return Buffer.concat([Buffer.from(header), payload])
}

function range(from: number, to: number): Buffer {
  if (joined.from !== from || joined.to !== to) {
    const frames = tail.frames.slice(from - tail.first, to - tail.first)
    joined = { from, to, bytes: frames.length === 1 ? frames[0]! : Buffer.concat(frames) }
  }
  return joined.bytes
}

function wake(): void {
  if (awake) return
  awake = true
  setImmediate(writeSlice)
}

/** Writes to at most a slice of the listeners, round robin: what is broadcast meanwhile makes later batches larger. */
function writeSlice(): void {
  awake = false
  let writes = 0
  for (let seen = 0; seen < listeners.length && writes < writesPerTurn; seen++) {
    if (next >= listeners.length) next = 0
    const listener = listeners[next++]!
    if (listener.cursor === head()) continue
    listener.socket.write(range(listener.cursor, head()))
    listener.cursor = head()
    writes++
  }
  if (writes === writesPerTurn) return wake()
  // All were walked, so all stand at the head.
  tail.first = head()
  tail.frames = []
}

function leave(listener: Listener): void {
  const index = listeners.indexOf(listener)
  if (index >= 0) listeners.splice(index, 1)
}

const server = createServer()
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (ws, request) => {
  const listener: Listener = { socket: request.socket, cursor: 0 }
  let owner = false
  ws.on('error', () => ws.terminate())
  ws.on('close', () => leave(listener))
  ws.on('message', (payload: Buffer) => {
    if (owner) {
      tail.frames.push(encode(payload))
      return wake()
    }
    ws.send(welcome(uuid))
    owner = JSON.parse(payload.toString()).status.value === 1
    if (owner) return
    listener.cursor = head()
    listeners.push(listener)
  })
})
server.listen(port, host)
