/**
 * One row of a timeline, a character for each moment: a digit is the broadcast of that number, `~` a moment without
 * a line, `=` the state, `+` several broadcasts at once, and a space a moment before the row's beginning.
 */
export interface Track {
  readonly name: string
  readonly marks: string
}

export type Figure =
  | { readonly kind: 'hall' }
  | { readonly kind: 'owner' }
  | { readonly kind: 'process'; readonly parts: readonly string[] }
  | { readonly kind: 'code'; readonly lines: readonly { readonly code: string; readonly what: string }[] }
  | { readonly kind: 'tracks'; readonly tracks: readonly Track[] }

export interface Slide {
  /** Broken by hand, so that a line drawn on a word is on that word on every screen. */
  readonly title: readonly string[]
  readonly text: readonly string[]
  readonly note: string
  readonly figure: Figure
}

const OWNER = { name: 'owner', marks: '12345678' }

export const deck: readonly Slide[] = [
  {
    title: ['Hello,', 'everyone.'],
    text: ['This is a room.', 'What I show, you see.'],
    note: 'This deck is a room of roomcast. The presenter broadcasts actions, and every browser carries them out: no video is sent.',
    figure: { kind: 'hall' },
  },
  {
    title: ['A room has', 'one owner.'],
    text: ['The owner broadcasts.', 'Listeners send feedback.'],
    note: 'Whoever opens a room gets its secret key. The key takes the room back after a reload, and whoever held the room before is shown out.',
    figure: { kind: 'owner' },
  },
  {
    title: ['One order for everyone.'],
    text: ['Each broadcast takes the next number,', 'and no one gets them in another order.'],
    note: 'The numbers grow by one with each broadcast in a room. They are how a browser knows what it has seen.',
    figure: {
      kind: 'tracks',
      tracks: [OWNER, { name: 'Ada', marks: '12345678' }, { name: 'Ben', marks: '12345678' }],
    },
  },
  {
    title: ['Said once, or kept.'],
    text: ['A pointer is for now. A slide is state:', 'kept for those who are not here yet.'],
    note: 'A plain broadcast goes to whoever listens now. State is stored in the room too: the newest of a key, or all that was appended to it, like the strokes of a drawing.',
    figure: {
      kind: 'code',
      lines: [
        { code: "broadcast('pointer', x, y)", what: 'said' },
        { code: "state('slide', 3)", what: 'kept' },
        { code: "append('draw', stroke)", what: 'all kept' },
      ],
    },
  },
  {
    title: ['Late is fine.'],
    text: ['First comes the state, then what is live:', 'no gap between them, and nothing twice.'],
    note: 'Open the link in the middle of the show. The present slide and its drawing are there at once, without the way that led to them.',
    figure: {
      kind: 'tracks',
      tracks: [OWNER, { name: 'Ada', marks: '12345678' }, { name: 'late', marks: '    =678' }],
    },
  },
  {
    title: ['Slow is fine, too.'],
    text: ['No queue grows for a slow listener.', 'It is caught up with the newest state.'],
    note: 'Whoever reads too slowly gets nothing more until the line has drained, then the state that changed meanwhile. No other listener waits for it.',
    figure: {
      kind: 'tracks',
      tracks: [OWNER, { name: 'quick', marks: '12345678' }, { name: 'slow', marks: '12~~~=78' }],
    },
  },
  {
    title: ['Lost, and back again.'],
    text: ['A listener that lost its line takes it up', 'by itself, and gets what it missed.'],
    note: 'If the room still holds all that was missed, exactly that follows; else the whole state does. Until then the page says that it is not live.',
    figure: {
      kind: 'tracks',
      tracks: [OWNER, { name: 'Ada', marks: '12345678' }, { name: 'Ben', marks: '123~~+78' }],
    },
  },
  {
    title: ['One Node process.'],
    text: ['All that it needs is inside.', 'Start it, and share the link.'],
    note: 'There is no other service to run. The page that you are looking at comes from the same process.',
    figure: { kind: 'process', parts: ['pages', 'sockets', 'rooms', 'state'] },
  },
]

/** The nearest slide that there is, whatever number came over the line. */
export function nearest(index: number): number {
  return Math.min(Math.max(Math.trunc(index) || 0, 0), deck.length - 1)
}
