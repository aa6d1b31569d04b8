// Loaded into a server's process: has a fault happen there, when it is told to.
process.on('message', (fault) => {
  if (fault === 'reject') void Promise.reject(new Error('dropped by a library'))
  if (fault === 'throw')
    setImmediate(() => {
      throw new Error('a bug of ours')
    })
})
process.channel?.unref()
