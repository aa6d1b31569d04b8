/** Milliseconds for the server to stop in order after a fault. */
const DEADLINE = 10_000

/**
 * What is done about faults of the program. A promise that nobody looks after when it is rejected, in a library or here, is
 * logged, and all goes on. After an exception that nobody has caught nothing is certain: the server says why, stops in order
 * by `stop`, and the process ends with 1.
 */
export function watchFaults(stop: () => Promise<void>): void {
  let isStopping = false
  process.on('unhandledRejection', (reason) => report('a promise was rejected, and nobody looked after it', reason))
  process.on('uncaughtException', (error) => {
    report('a fault that ends the server', error)
    if (isStopping) return
    isStopping = true
    setTimeout(() => process.exit(1), DEADLINE).unref()
    stop()
      .catch((reason) => report('it could not stop in order', reason))
      .finally(() => process.exit(1))
  })
}

function report(what: string, reason: unknown): void {
  const why = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)
  console.error(`${new Date().toISOString()} ${what}: ${why}`)
}
