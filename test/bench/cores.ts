/** The core of each. Redis is beside the generator, which has time to spare: a server has its core to itself, as with any log. */
export const cores = { server: 0, generator: 1, redis: 1 } as const
