import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from './child.ts'

/** Whether workerd runs here. Where it does not, its tests are skipped, which this says; in CI that is a failure. */
export function hasWorkerd(): boolean {
  try {
    execFileSync(process.execPath, [join(ROOT, 'node_modules/workerd/bin/workerd'), '--version'], { stdio: 'pipe' })
    return true
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0]
    if (process.env.CI !== undefined)
      throw new Error(`workerd, which the tests of Workers need, does not run: ${reason}`)
    console.warn(`skipped: the tests of Workers, since workerd does not run here: ${reason}`)
    return false
  }
}
