/** Preloaded into a child server: tells its parent, on demand, how many bytes are in use after a collection. */
process.on('message', () => {
  globalThis.gc?.()
  // The memory outside of the heap is freed in the background, and counted as free by the next collection.
  setTimeout(() => {
    globalThis.gc?.()
    const { heapUsed, external } = process.memoryUsage()
    process.send?.(heapUsed + external)
  }, 20)
})

// A listener on the channel would keep the process alive after the server in it has stopped.
process.channel?.unref()
