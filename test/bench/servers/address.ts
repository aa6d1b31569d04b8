/** Where a server of the bench listens: the runner says it in the environment, as it does to roomcast. */
export const host = process.env.HOST ?? '127.0.0.1'
export const port = Number(process.env.PORT ?? 8080)
