import { utf8Length } from '../room/bytes.ts'

/** RFC 6455, 5.5: a control frame's payload is 125 bytes at most, of which two are the close code. */
const CLOSE_REASON_BYTES = 123

/** Cuts a close reason to what fits, at a character's start. */
export function cutReason(reason: string): string {
  let text = reason
  while (utf8Length(text) > CLOSE_REASON_BYTES) text = text.slice(0, -1)
  return text
}
