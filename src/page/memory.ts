/** A room that this tab presents in. */
export interface Held {
  readonly uuid: string
  readonly ownerKey: string
}

const NAME = 'roomcast.held'

/** For the life of the tab alone: a reload takes the room back, and the key is in no address and on no disk of ours. */
export function hold({ uuid, ownerKey }: Held): void {
  try {
    sessionStorage.setItem(NAME, JSON.stringify({ uuid, ownerKey }))
  } catch {
    // Storage can be forbidden or full. The show goes on; only a reload would lose the room.
  }
}

export function held(): Held | undefined {
  try {
    const { uuid, ownerKey } = JSON.parse(sessionStorage.getItem(NAME) ?? '{}') as Partial<Held>
    return typeof uuid === 'string' && typeof ownerKey === 'string' ? { uuid, ownerKey } : undefined
  } catch {
    return undefined
  }
}

export function letGo(): void {
  try {
    sessionStorage.removeItem(NAME)
  } catch {
    // Forbidden storage holds nothing either.
  }
}
