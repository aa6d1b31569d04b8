import type { Envelope } from '../protocol/messages.ts'

/** The five fields of every message. */
export function envelope(uuid: string, status: number): Envelope {
  return { uuid, status: { value: status, text: '' }, funcKey: '', funcParams: [], stateMessage: false }
}

/** The WebSocket address of `path` on the server at `url` (http, https, ws or wss). */
export function socketUrl(url: string, path: string): string {
  const address = new URL(path, url)
  address.protocol = address.protocol.replace('http', 'ws')
  return address.href
}
