import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, onTestFinished } from 'vitest'
import { temporaryFolder } from '../support/folder.ts'
import { bundlePage } from './bundle.ts'
import { Member } from './pages.ts'

const MISSING =
  'no Chromium, which the browser tests need: `apt-get install chromium`, or name one (Chromium or Chrome) by CHROMIUM=path'

/** Leads to this machine, and is no name that a server knows by itself. */
export const NAME = 'show.example'

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A name for the server, as somebody may have given it.
  `--host-resolver-rules=MAP ${NAME} 127.0.0.1`,
]

/** Comes in with a page of its own: what one page stores for itself, no other sees. */
export type Enter = (options?: BrowserContextOptions) => Promise<Member>

const executable = findChromium()
if (executable === undefined) {
  if (process.env.CI) throw new Error(MISSING)
  console.warn(`skipped: ${MISSING}`)
}

/** Tests with a browser of their own. Where there is none they are skipped. */
export function describeInBrowser(name: string, tests: (enter: Enter) => void): void {
  describe.skipIf(executable === undefined)(name, () => {
    let browser: Browser | undefined
    let config: ReturnType<typeof temporaryFolder> | undefined

    beforeAll(async () => {
      bundlePage()
      config = temporaryFolder()
      browser = await chromium.launch({
        executablePath: executable!,
        headless: true,
        args: ARGUMENTS,
        env: { ...process.env, XDG_CONFIG_HOME: config.path },
      })
    })

    afterAll(async () => {
      await browser?.close()
      config?.remove()
    })

    tests(async (options) => {
      const context = await browser!.newContext({ viewport: { width: 1024, height: 640 }, ...options })
      onTestFinished(() => context.close())
      return Member.in(context)
    })
  })
}

function findChromium(): string | undefined {
  const { CHROMIUM = '', PATH = '' } = process.env
  if (CHROMIUM !== '') return [CHROMIUM].find(isExecutable)
  const onPath = ['chromium', 'google-chrome'].flatMap((name) =>
    PATH.split(delimiter).map((folder) => join(folder, name)),
  )
  return ['/usr/bin/chromium', ...onPath].find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
