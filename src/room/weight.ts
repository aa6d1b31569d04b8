/**
 * What is held in memory, in bytes of it. Measured on Node 24, with ids and keys of 20 characters: an entry takes 280 bytes
 * beside its body, its place in a state 175, an item of a tail 130 beside its text. So a room of 10,000 state messages of
 * 155 bytes, 1.5 MB by the limit on state, is 8 MB of memory.
 */

/** Of a text of so many UTF-8 bytes: V8 keeps a byte a character, or two where one of them needs it. */
export function textWeight(text: string, bytes: number): number {
  return bytes === text.length ? bytes : 2 * text.length
}

/** Of a room with nobody in it, that has nothing stored: in the log, and as it is held. */
export const ROOM_WEIGHT = 6000

/** Of a stored entry beside its body: with its key, its id, and its places in the state of the log and of the room. */
export const ENTRY_WEIGHT = 640

/** Of an item of a tail beside its text. */
export const ITEM_WEIGHT = 140

/** Of an entry in the tail of a log in memory, beside its body: with its id, and its place by that. */
export const TAIL_ENTRY_WEIGHT = 380
