import type { Broadcast, Envelope } from '../protocol/messages.ts'
import { BROADCASTING, CAN, roomSocketPath } from '../protocol/routes.ts'
import type { Received } from './types.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The five fields of every message. */
export function envelope(uuid: string, status: number): Envelope {
  return { uuid, status: { value: status, text: '' }, funcKey: '', funcParams: [], stateMessage: false }
}

/** The first message on a line: what is asked for, and what this side can. */
export function hello(uuid: string, status: 1 | 2, fields: object = {}): string {
  return JSON.stringify({
    ...envelope(uuid, status),
    can: [CAN.lines, CAN.taken, CAN.feedback, CAN.resends],
    ...fields,
  })
}

/** All up to the server's question has come. */
export function taken(nonce: string): string {
  return JSON.stringify({ ...envelope('', 3), taken: nonce })
}

/** A broadcast as `each` hands it out. */
export function receivedOf(broadcast: Broadcast): Received {
  const { funcKey, funcParams, seq, replay = false, stateMessage, stateKey } = broadcast
  const retain = stateMessage ? (broadcast.retain ?? 'latest') : undefined
  return { action: funcKey, params: funcParams, seq, replay, stateKey, retain }
}

/**
 * The WebSocket address of a room on the server at `url` (http, https, ws or wss). What is no uuid has no address of its
 * own: the first message names it, and the server says that there is no such room.
 */
export function socketUrl(url: string, uuid: string): string {
  const address = new URL(UUID.test(uuid) ? roomSocketPath(uuid) : BROADCASTING, url)
  address.protocol = address.protocol.replace('http', 'ws')
  return address.href
}

/** The uuid of the room that a link, or a page's `location`, leads to; undefined where it leads to none. */
export function roomOf(link: string | URL | { readonly href: string }): string | undefined {
  // A link may be relative: it is only its query that counts.
  const { searchParams } = new URL(typeof link === 'string' ? link : link.href, 'http://localhost')
  const uuid = searchParams.get('uuid') ?? ''
  return UUID.test(uuid) ? uuid : undefined
}
