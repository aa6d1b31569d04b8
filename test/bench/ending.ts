import { setTimeout as sleep } from 'node:timers/promises'
import { stopAll as stopAllRedis } from '../support/redis/server.ts'
import { stopAll } from './children.ts'

/** Milliseconds in which what was interrupted may put away what it has made. */
const TIDYING = 2000

/** Does `work`; when it is over, has failed or is interrupted, every process that it has started is ended. */
export async function endingAll(work: () => Promise<void>): Promise<void> {
  const end = () => Promise.all([stopAll(), stopAllRedis()])
  let isInterrupted = false
  const interrupt = async () => {
    isInterrupted = true
    await end()
    await Promise.race([Promise.allSettled([working]), sleep(TIDYING)])
    process.exit(130)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void interrupt())
  const working = work()
  try {
    await working
  } catch (error) {
    // It fails for want of what was ended.
    if (!isInterrupted) throw error
  } finally {
    await end()
  }
}
