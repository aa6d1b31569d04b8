import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'
import { message } from './messages.ts'
import { WELCOME } from './puppet-socket.ts'

/** A server that says what the test tells it to. `accept` lets the next client in, with `welcome`. */
export async function scriptedServer() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  onTestFinished(() => {
    for (const client of server.clients) client.terminate()
    server.close()
  })
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, accept }

  async function accept(welcome: object = {}) {
    const [socket] = await once(server, 'connection')
    const [hello] = await once(socket, 'message')
    const said: { taken?: string; status: { text: string } }[] = []
    socket.on('message', (data: unknown) => said.push(JSON.parse(String(data))))
    const send = (text: string) => {
      socket.send(text)
      return text.length
    }
    const size = send(JSON.stringify(message(3, { ...WELCOME, ...welcome })))
    return { hello: JSON.parse(String(hello)), said, send, size, socket }
  }
}
