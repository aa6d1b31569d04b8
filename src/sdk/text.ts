import type { Envelope } from '../protocol/messages.ts'
import { CAN } from '../protocol/routes.ts'

/** The five fields of every message. */
export function envelope(uuid: string, status: number): Envelope {
  return { uuid, status: { value: status, text: '' }, funcKey: '', funcParams: [], stateMessage: false }
}

/** The first message on a line: what is asked for, and what this side can. */
export function hello(uuid: string, status: 1 | 2, fields: object = {}): string {
  return JSON.stringify({ ...envelope(uuid, status), can: [CAN.lines, CAN.taken, CAN.feedback], ...fields })
}

/** So many characters of frames have come since this was last said. */
export function taken(count: number): string {
  return JSON.stringify({ ...envelope('', 3), taken: count })
}

/** The WebSocket address of `path` on the server at `url` (http, https, ws or wss). */
export function socketUrl(url: string, path: string): string {
  const address = new URL(path, url)
  address.protocol = address.protocol.replace('http', 'ws')
  return address.href
}
