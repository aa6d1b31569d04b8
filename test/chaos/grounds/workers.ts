import { temporaryFolder } from '../../support/folder.ts'
import { freePort } from '../../support/server.ts'
import { startWranglerDev, type WranglerDev } from '../../support/wrangler.ts'
import { type Ground, seconds, sleep } from '../ground.ts'

const GRACE = 20

/** workerd puts an object to sleep that nobody has spoken to for ten seconds. */
const SILENCE = 12_000

/** The Worker in a local workerd, whose storage outlives it. */
export async function workersGround(): Promise<Ground> {
  const folder = temporaryFolder()
  const port = await freePort()
  const start = () => startWranglerDev({ GRACE_SECONDS: `${GRACE}` }, port, folder.path)
  let worker: WranglerDev = await start()
  let isBusy = false

  /** One at a time: there is one process. */
  async function restart(end: (worker: WranglerDev) => Promise<void>, downtime: number): Promise<void> {
    if (isBusy) return
    isBusy = true
    await end(worker)
    await sleep(downtime)
    worker = await start()
    isBusy = false
  }

  return {
    url: worker.url,
    addresses: [worker.url],
    grace: GRACE,
    silence: SILENCE,
    faults: {
      'workerd is killed': (random) => restart((worker) => worker.kill(), seconds(random, 0, 2)),
      'workerd stops in order': (random) => restart((worker) => worker.stop(), seconds(random, 0, 2)),
      'nobody does anything': () => sleep(SILENCE / 1000),
    },
    // Ended objects are the business of tests inside workerd: from outside nobody can look into their storage.
    leftovers: async () => [],
    accidents: () => [],
    stop: () => worker.stop().finally(folder.remove),
  }
}
