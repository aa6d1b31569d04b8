import type { WebSocket } from 'ws'

/** What has come on a WebSocket. Text is UTF-8. */
export interface Frame {
  readonly kind: 'text' | 'binary' | 'ping' | 'pong'
  readonly data: Buffer
}

/** Who is told what comes on a WebSocket. */
export interface WebSocketUser {
  heard(frame: Frame): void
  /** The TCP connection is gone: nothing more comes. */
  closed(): void
}

/** Tells `user` what comes on `ws`. To be called in the turn in which it was made: nothing is heard before that. */
export function listen(ws: WebSocket, user: WebSocketUser): void {
  ws.on('message', (data, isBinary) => user.heard({ kind: isBinary ? 'binary' : 'text', data: data as Buffer }))
  ws.on('ping', (data) => user.heard({ kind: 'ping', data }))
  ws.on('pong', (data) => user.heard({ kind: 'pong', data }))
  ws.on('error', ignore)
  ws.on('close', () => user.closed())
}

/** For errors of a connection: the `close` event that follows handles them. */
export function ignore(): void {}
