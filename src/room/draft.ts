import { BODY_BYTES, encodeBody, type Saying } from '../protocol/codec.ts'
import { utf8Length } from './bytes.ts'
import { RoomError } from './errors.ts'
import type { Draft } from './ports.ts'

/** What is sent on of a message, as the server writes it. */
export interface Written {
  readonly body: string
  /** UTF-8 bytes of `body`. */
  readonly bytes: number
}

/**
 * Writes anew what a client said. Throws `bad_message` where that is longer than `messageBytes`, the limit on what comes in:
 * a number such as 1e20 has more digits when it is written anew.
 */
export function written(said: Saying, messageBytes: number): Written {
  const body = encodeBody(said)
  const bytes = utf8Length(body)
  if (bytes - BODY_BYTES <= messageBytes) return { body, bytes }
  const message = `funcParams make a message of more than ${messageBytes} bytes when their numbers are written out`
  throw new RoomError('bad_message', message, { field: 'funcParams', limit: messageBytes })
}

/** What the owner of `term` says to all of the room, as the log takes it. Throws `bad_message` where it is too long. */
export function draftOf(said: Saying, term: number, messageBytes: number): Draft {
  return {
    term,
    id: said.id,
    state: said.state && { key: said.state.key, retain: said.state.retain },
    echo: said.to === 'all' ? true : undefined,
    ...written(said, messageBytes),
  }
}
