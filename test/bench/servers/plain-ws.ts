// What one writes first: rooms as sets of sockets, and each broadcast sent to each socket with `ws.send`.
import { type WebSocket, WebSocketServer } from 'ws'
import { host, port } from './address.ts'
import { welcome } from './welcome.ts'

interface ClientMessage {
  uuid: string
  status: { value: number }
}

const rooms = new Map<string, Set<WebSocket>>()

function open(owner: WebSocket): Set<WebSocket> {
  const uuid = crypto.randomUUID()
  const listeners = new Set<WebSocket>()
  rooms.set(uuid, listeners)
  owner.on('close', () => rooms.delete(uuid))
  owner.send(welcome(uuid))
  return listeners
}

function join(listener: WebSocket, uuid: string): void {
  const listeners = rooms.get(uuid)
  if (!listeners) return listener.close()
  listeners.add(listener)
  listener.on('close', () => listeners.delete(listener))
  listener.send(welcome(uuid))
}

function broadcast(listeners: Set<WebSocket>, payload: Buffer): void {
  for (const listener of listeners) {
    // The bytes as they came: a string would be encoded anew for each socket, which no careful server does.
    if (listener.readyState === listener.OPEN) listener.send(payload, { binary: false })
  }
}

new WebSocketServer({ host, port, perMessageDeflate: false }).on('connection', (socket) => {
  let owned: Set<WebSocket> | undefined
  socket.on('error', () => socket.terminate())
  socket.on('message', (payload: Buffer) => {
    const message = JSON.parse(payload.toString()) as ClientMessage
    if (owned) broadcast(owned, payload)
    else if (message.status.value === 1) owned = open(socket)
    else if (message.status.value === 2) join(socket, message.uuid)
  })
})
