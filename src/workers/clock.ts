import type { Clock } from '../room/ports.ts'

/**
 * For what is over in a moment: the next slice of a walk, the roll's tenth of a second. Whatever waits keeps the object awake
 * and billed, so what is longer is a deadline of the object's alarm (deadlines.ts).
 */
export function objectClock(context: Pick<DurableObjectState, 'waitUntil'>): Clock {
  function wait(ms: number, task: () => void, signal?: AbortSignal): void {
    const waited = scheduler.wait(ms, signal && { signal }).then(
      () => true,
      () => false,
    )
    context.waitUntil(waited.then((isOver) => isOver && task()))
  }
  return {
    now: () => Date.now(),
    after(ms, task) {
      const canceller = new AbortController()
      wait(ms, task, canceller.signal)
      return () => canceller.abort()
    },
    soon: (task) => wait(0, task),
  }
}
