/** Runs `send` at once, then at most every `interval` milliseconds, and always for the last call of a burst. */
export function throttle(interval: number, send: () => void): () => void {
  let waiting: number | undefined
  let again = false
  const run = () => {
    again = false
    send()
    waiting = window.setTimeout(() => {
      waiting = undefined
      if (again) run()
    }, interval)
  }
  return () => {
    if (waiting === undefined) run()
    else again = true
  }
}
