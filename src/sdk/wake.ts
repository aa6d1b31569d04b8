import type { Stop } from './types.ts'

/** Milliseconds between two looks at the clock, and by how much it may be off before the machine must have slept. */
const LOOK = 5000
const SLEPT = 15_000

const page = globalThis as unknown as Partial<Page>

/**
 * Calls `wake` when a line that was thought good may not be, and one that was thought lost may be had again; `sleep` when
 * the machine has no network any more.
 */
export function onWake(wake: () => void, sleep: () => void): Stop {
  let last = Date.now()
  const clock = setInterval(() => {
    const now = Date.now()
    if (now - last > LOOK + SLEPT) wake()
    last = now
  }, LOOK)
  // In Node a client that is only waiting must not keep the process alive by this.
  if (typeof clock === 'object') (clock as { unref?: () => void }).unref?.()

  const onVisible = () => !isHidden() && wake()
  page.addEventListener?.('online', wake)
  page.addEventListener?.('offline', sleep)
  page.document?.addEventListener('visibilitychange', onVisible)
  return () => {
    clearInterval(clock)
    page.removeEventListener?.('online', wake)
    page.removeEventListener?.('offline', sleep)
    page.document?.removeEventListener('visibilitychange', onVisible)
  }
}

/** Nobody sees the page. */
export function isHidden(): boolean {
  return page.document?.visibilityState === 'hidden'
}

/** What is used of a browser's page; in Node there is none. */
interface Page extends Listening {
  document: Listening & { readonly visibilityState: string }
}

interface Listening {
  addEventListener(type: string, listener: () => void): void
  removeEventListener(type: string, listener: () => void): void
}
