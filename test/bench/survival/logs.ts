import { type CountedRedis, type Fsync, startCountedRedis } from '../redis.ts'

/** Where a house keeps its rooms; `end` after the house. */
export interface Log {
  readonly env: Readonly<Record<string, string>>
  readonly redis?: CountedRedis
  end(): Promise<void>
}

function without(env: Record<string, string>): () => Promise<Log> {
  return async () => ({ env, end: async () => {} })
}

function withRedis(fsync: Fsync): () => Promise<Log> {
  return async () => {
    const redis = await startCountedRedis(fsync)
    return { env: { REDIS_URL: redis.url, REDIS_START: 'exit' }, redis, end: () => redis.end() }
  }
}

/** All there are, the one that the others are compared with first; each is made for one measurement. */
export const logs: Readonly<Record<string, () => Promise<Log>>> = {
  memory: without({ LOG: 'memory' }),
  'SQLite, normal': without({ LOG: 'sqlite', SYNCHRONOUS: 'normal' }),
  'SQLite, full': without({ LOG: 'sqlite', SYNCHRONOUS: 'full' }),
  'Redis, everysec': withRedis('everysec'),
  'Redis, always': withRedis('always'),
}
