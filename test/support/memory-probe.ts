/** Preloaded into a child server: tells its parent, on demand, how many bytes are in use after a collection. */
process.on('message', () => {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  process.send?.(heapUsed + external)
})

// A listener on the channel would keep the process alive after the server in it has stopped.
process.channel?.unref()
