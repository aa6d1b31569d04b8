import { farewell, type Refusal } from '../http/admission.ts'

/** The answer to an upgrade that is refused: a WebSocket that says why, and closes (J5). */
export function refuseSocket(refusal: Refusal): Response {
  const { 0: client, 1: server } = new WebSocketPair()
  const { text, code, reason } = farewell(refusal)
  server.accept()
  server.send(text)
  server.close(code, reason)
  return new Response(null, { status: 101, webSocket: client })
}
