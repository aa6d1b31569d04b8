// The Worker under wrangler dev. What serves is a workerd that it starts, behind another that passes all on.
import { readdirSync, readFileSync } from 'node:fs'
import { startWranglerDev } from '../../support/wrangler.ts'
import { unbounded } from '../servers.ts'
import { port } from './address.ts'

const { pid, stop } = await startWranglerDev(unbounded, port)
console.log(`server ${workerOf(pid)}`)
process.once('SIGTERM', async () => {
  // Nothing of it is to be kept, and the bench does not wait for long.
  process.kill(-pid, 'SIGKILL')
  await stop()
  process.exit(0)
})

/** The workerd of the group that runs the Worker: only that one can be inspected. */
function workerOf(group: number): number {
  for (const id of readdirSync('/proc').map(Number)) {
    if (Number.isNaN(id)) continue
    try {
      const itsGroup = Number(
        readFileSync(`/proc/${id}/stat`, 'utf8')
          .replace(/^.*\) /, '')
          .split(' ')[2],
      )
      if (itsGroup === group && readFileSync(`/proc/${id}/cmdline`, 'utf8').includes('--inspector-addr')) return id
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error('no workerd')
}
