import type { StateLimits } from './state.ts'
import type { TailLimits } from './tail.ts'

/** The bounds that a server sets on its rooms. Sizes in bytes, times in milliseconds. */
export interface RoomLimits extends StateLimits, TailLimits {
  /** Of one message, UTF-8. */
  readonly messageBytes: number
  /** Listeners in one room, on this server. */
  readonly listeners: number
  /** Backlog past which a listener is left to drain (R6). */
  readonly highWaterMark: number
  /** How long a room waits for its owner (E2). */
  readonly grace: number
  /** How long a connection may take to open or join (J4). */
  readonly handshake: number
  /** Feedback messages a listener may send a second, on average. */
  readonly feedbackRate: number
  /** Bytes of feedback a listener may send a second, on average. */
  readonly feedbackBytes: number
  /** Broadcasts of a room a second, on average, and bytes of them (C6). */
  readonly broadcastRate: number
  readonly broadcastBytes: number
}

export const DEFAULT_LIMITS: RoomLimits = {
  messageBytes: 64 * 1024,
  stateBytes: 1024 * 1024,
  stateEntries: 10_000,
  tailBytes: 1024 * 1024,
  tailEntries: 4096,
  listeners: 20_000,
  highWaterMark: 256 * 1024,
  grace: 120_000,
  handshake: 10_000,
  feedbackRate: 20,
  feedbackBytes: 64 * 1024,
  broadcastRate: 2000,
  broadcastBytes: 4 * 1024 * 1024,
}

/** Write deadlines within which a line that takes a little at a time has to take all (R6). */
export const PATIENCE = 10

/** Backlog past which even an answer is not queued any more: what the mark and a full tail may come to, twice over. */
export function backlogLimit({ tailBytes, highWaterMark }: RoomLimits): number {
  return 2 * (tailBytes + highWaterMark)
}

/** Backlog of the owner's line, bytes, past which no feedback is put on it: its acknowledgements are not to wait behind that. */
export function feedbackMark({ highWaterMark }: RoomLimits): number {
  return highWaterMark / 4
}

/** Bytes of feedback a second that the owner gets of all listeners together: of sixteen that say as much as they may. */
export function feedbackForOwner({ feedbackBytes }: RoomLimits): number {
  return 16 * feedbackBytes
}
