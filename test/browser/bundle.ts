import { execFileSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ROOT } from '../support/child.ts'

const BUNDLES = ['public/page.js', 'public/roomcast.js']

/**
 * Bundles the page, unless that has been done since its sources last changed. Test files run side by side, each in a
 * process of its own, and none may load a bundle that another is writing: hence a lock, of SQLite, since that is given
 * back however its holder ends.
 */
export function bundlePage(): void {
  const lock = new DatabaseSync(join(ROOT, 'node_modules/.bundling.sqlite'), { timeout: 30_000 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
    if (!isFresh()) execFileSync(process.execPath, ['src/node/bundle.mjs'], { cwd: ROOT, stdio: 'inherit' })
  } finally {
    lock.close()
  }
}

function isFresh(): boolean {
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' }).map((file) => `src/${file}`)
  const newest = Math.max(...['package-lock.json', ...sources].map(changed))
  return BUNDLES.every((file) => changed(file) > newest)
}

/** When it was last written; never, when it is not there. */
function changed(file: string): number {
  return statSync(join(ROOT, file), { throwIfNoEntry: false })?.mtimeMs ?? Number.NEGATIVE_INFINITY
}
