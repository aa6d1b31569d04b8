import { encodeBody, type Saying } from '../protocol/codec.ts'
import { utf8Length } from './bytes.ts'
import type { Draft } from './ports.ts'

/** What the owner of `term` says to all of the room, as the log takes it. */
export function draftOf(said: Saying, term: number): Draft {
  const body = encodeBody(said)
  return {
    term,
    id: said.id,
    state: said.state && { key: said.state.key, retain: said.state.retain },
    echo: said.to === 'all' ? true : undefined,
    body,
    bytes: utf8Length(body),
  }
}
