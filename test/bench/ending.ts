import { stopAll as stopAllRedis } from '../support/redis/server.ts'
import { stopAll } from './children.ts'

/** Does `work`; when it is over, has failed or is interrupted, every process that it has started is ended. */
export async function endingAll(work: () => Promise<void>): Promise<void> {
  const end = () => Promise.all([stopAll(), stopAllRedis()])
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => void end().then(() => process.exit(130)))
  try {
    await work()
  } finally {
    await end()
  }
}
