/**
 * The one table of everything that can go wrong or come to an end (B3).
 *
 * - `http`: the status of the same answer over HTTP.
 * - `close`: the WebSocket close code where it ends the connection, else absent: the connection lives.
 *   1000–1012 are RFC 6455's and IANA's; of our own, 4000–4499 say "come again", 4500–4999 "do not".
 * - `retry`: whether the same request can succeed later, unchanged.
 */
export const CODES = {
  // Replies: the connection lives.
  bad_json: { http: 400, retry: false },
  bad_message: { http: 400, retry: false },
  binary_message: { http: 400, retry: false },
  wrong_room: { http: 400, retry: false },
  not_in_room: { http: 409, retry: false },
  already_in_room: { http: 409, retry: false },
  not_owner: { http: 403, retry: false },
  unknown_client: { http: 404, retry: false },
  owner_absent: { http: 409, retry: true },
  // Of use as soon as the owner comes back with another client, so it counts for no fault of who asks.
  feedback_unsupported: { http: 409, retry: true },
  state_full: { http: 413, retry: false },
  rate_limited: { http: 429, retry: true },
  log_unavailable: { http: 503, retry: true },
  broadcasts_lost: { http: 409, retry: false },

  // Disconnects that a client may come back from.
  handshake_timeout: { http: 408, close: 4000, retry: true },
  too_slow: { http: 408, close: 4001, retry: true },
  unresponsive: { http: 408, close: 4002, retry: true },
  room_full: { http: 503, close: 4003, retry: true },
  server_full: { http: 503, close: 4004, retry: true },
  room_unavailable: { http: 503, close: 4005, retry: true },
  server_error: { http: 500, close: 1011, retry: true },
  going_away: { http: 503, close: 1012, retry: true },

  // Disconnects that are final.
  room_closed: { http: 410, close: 1000, retry: false },
  room_abandoned: { http: 410, close: 1000, retry: false },
  room_lost: { http: 410, close: 1000, retry: false },
  left: { http: 204, close: 1000, retry: false },
  message_too_large: { http: 413, close: 1009, retry: false },
  room_not_found: { http: 404, close: 4500, retry: false },
  take_back_refused: { http: 403, close: 4501, retry: false },
  displaced: { http: 409, close: 4502, retry: false },
  too_many_errors: { http: 400, close: 4503, retry: false },
  origin_refused: { http: 403, close: 4504, retry: false },
} as const satisfies Record<string, { http: number; close?: number; retry: boolean }>

export type Code = keyof typeof CODES

/** The codes that end the connection. */
export type DisconnectCode = { [C in Code]: (typeof CODES)[C] extends { close: number } ? C : never }[Code]

/** Why a room is over, as its clients are told. */
export type EndReason = 'room_closed' | 'room_abandoned' | 'room_lost'

/** What a failed request is answered with, besides its code. */
export interface Problem {
  readonly code: Code
  /** For people. */
  readonly message: string
  /** The field that is to blame, dotted (`status.value`). */
  readonly field?: string
  /** What the field may be at most: bytes, characters, items or levels, as `message` says. */
  readonly limit?: number
  /** Milliseconds after which another try is of use. */
  readonly retryAfter?: number
}

/** What RFC 6455, 7.4.1, has for faults of this side, and for an end that was meant: it would be the same again. */
const FINAL_CLOSES = [1000, 1002, 1003, 1007, 1008, 1009, 1010]

/** Whether a client whose socket closed with `close` should come back (RFC 6455 codes, and ours by range). */
export function mayRetry(close: number): boolean {
  if (close >= 4000) return close < 4500
  return !FINAL_CLOSES.includes(close)
}
