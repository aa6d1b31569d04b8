import type { Broadcast, Envelope, EventMessage, Welcome } from '../../src/protocol/messages.ts'

/** Whatever the server sends, read without first asking which it is. */
export type Message = Envelope &
  Partial<Omit<Welcome, 'replay'> & Omit<Broadcast, 'replay'> & Pick<EventMessage, 'event'>> & {
    replay?: number | true
  }

/** The five fields, as a client sends them. */
export function message(value: number, fields: object = {}): Record<string, unknown> {
  return { uuid: '', status: { value, text: '' }, funcKey: '', funcParams: [], stateMessage: false, ...fields }
}

/** A broadcast of `uuid`'s owner. */
export function say(uuid: string, funcKey: string, funcParams: unknown[] = [], fields: object = {}) {
  return message(3, { uuid, funcKey, funcParams, ...fields })
}
