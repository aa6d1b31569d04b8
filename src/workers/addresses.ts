import { BROADCASTING, ROOM_SOCKET, roomSocketPath } from '../protocol/routes.ts'

/**
 * How the Worker asks a room's object for a socket. A client's own request comes as it is, and its address is the room's.
 * Where the client's first message said which room, the Worker asks at another path, which it lets no client's request reach.
 */
export function objectUrl(uuid: string): string {
  return `https://room${BROADCASTING}?uuid=${uuid}`
}

/** Reads such a request. Undefined when it is none. */
export function readObjectUrl(url: string): { readonly uuid: string; readonly isAddressed: boolean } | undefined {
  const { pathname, searchParams } = new URL(url)
  if (pathname === BROADCASTING) return { uuid: searchParams.get('uuid') ?? '', isAddressed: false }
  const uuid = pathname.split('/')[ROOM_SOCKET.split('/').indexOf(':uuid')] ?? ''
  return pathname === roomSocketPath(uuid) ? { uuid: uuid.toLowerCase(), isAddressed: true } : undefined
}
