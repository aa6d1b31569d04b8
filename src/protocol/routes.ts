/** Paths and names that the server and the SDK share. */

/** The upgrade where the first message says which room: what rtbroadcaster's clients expect. */
export const BROADCASTING = '/broadcasting'

/** `POST`: opens a room with no socket. */
export const ROOMS = '/rooms'

/** The upgrade for one room, as a Hono pattern. */
export const ROOM_SOCKET = '/rooms/:uuid/socket'

export function roomSocketPath(uuid: string): string {
  return ROOM_SOCKET.replace(':uuid', encodeURIComponent(uuid))
}

/** Reads the path of an upgrade: the room that it names, or none. Undefined where it is no address of a WebSocket. */
export function readSocketPath(path: string): { readonly uuid: string | undefined } | undefined {
  if (path === BROADCASTING) return { uuid: undefined }
  const encoded = ROOM_SOCKET_PATH.exec(path)?.[1]
  if (encoded === undefined) return undefined
  try {
    return { uuid: decodeURIComponent(encoded) }
  } catch {
    // It names no room that there could be.
    return { uuid: encoded }
  }
}

const ROOM_SOCKET_PATH = new RegExp(`^${ROOM_SOCKET.replace(':uuid', '([^/]+)')}$`)

export const HEALTH = '/health'

/** Whether the process works. */
export const LIVE = '/health/live'

/** Whether clients are to be sent here. */
export const READY = '/health/ready'

/** The SDK as one ES module, for pages without a build step. */
export const SDK_MODULE = '/roomcast.js'

/** The link that an audience opens (rtbroadcaster's own convention). */
export function audienceLink(origin: string, uuid: string): string {
  return new URL(`/?uuid=${uuid}`, origin).href
}

/**
 * A client's question whether the line still holds, and the server's answer: fixed texts, so that a server can answer
 * without a look at its rooms (on Workers, without waking one).
 */
export const PING = '{"uuid":"","status":{"value":3,"text":"ping"},"funcKey":"","funcParams":[],"stateMessage":false}'
export const PONG =
  '{"uuid":"","status":{"value":5,"text":"pong"},"funcKey":"","funcParams":[],"stateMessage":false,"event":{"type":"pong"}}'

/** What a client can, beyond what every client does, as its first message may say in `can`. */
export const CAN = {
  /** Takes several messages in one frame, a line each. */
  lines: 'lines',
  /** Says what it has taken: the nonce of each `taken` event, when that has come. */
  taken: 'taken',
  /** An owner: takes what listeners say, which has `from`. To others it would look like a broadcast of their own. */
  feedback: 'feedback',
  /** An owner: says again what was refused as over the room's rate, in its order, from the first of it on. */
  resends: 'resends',
} as const
