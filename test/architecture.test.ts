import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'

const SRC = join(import.meta.dirname, '../src')

/** Which rooms of the house each may look into, beside itself. */
const MAY_IMPORT: Record<string, string[]> = {
  protocol: [],
  room: ['protocol'],
  logs: ['protocol', 'room'],
  transports: ['protocol', 'room'],
  http: ['protocol', 'room', 'logs', 'transports'],
  node: ['protocol', 'room', 'logs', 'transports', 'http'],
  workers: ['protocol', 'room', 'logs', 'transports', 'http'],
  sdk: ['protocol'],
  page: ['sdk'],
}

/** Which of them may use a package, or a runtime's own modules. */
const PACKAGES: { name: RegExp; only: string[] }[] = [
  { name: /^node:/, only: ['node'] },
  { name: /^ws$/, only: ['node'] },
  { name: /^@redis\/client$/, only: ['node'] },
  { name: /^@hono\/node-server/, only: ['node'] },
  { name: /^cloudflare:/, only: ['workers'] },
  { name: /^hono/, only: ['http', 'node', 'workers'] },
  { name: /^nanoid$/, only: ['http'] },
  { name: /^valibot$/, only: ['protocol', 'http', 'node', 'workers'] },
  { name: /^qrcode-generator$/, only: ['page'] },
  { name: /^esbuild$/, only: ['node'] },
]

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(ts|mjs)$/.test(file))

test.each(files)('%s imports only what its room of the house may', (file) => {
  const room = file.split('/')[0]!
  const text = readFileSync(join(SRC, file), 'utf8')
  for (const [, from] of text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
    // The manifest, for the version.
    if (from === '../../package.json') continue
    if (from!.startsWith('.')) {
      const target = relative(SRC, join(SRC, file, '..', from!)).split('/')[0]!
      const allowed = [room, ...(MAY_IMPORT[room] ?? [])]
      expect(
        allowed,
        `src/${file} may not import from ${target}/: a line that needs it belongs in another room`,
      ).toContain(target)
    } else {
      const rule = PACKAGES.find(({ name }) => name.test(from!))
      expect(rule, `src/${file} imports ${from}, which no room of the house may`).toBeDefined()
      expect(
        rule!.only,
        `src/${file} may not import ${from}: the line belongs in ${rule!.only.join(' or ')}/`,
      ).toContain(room)
    }
  }
})

test('room/ has no clock, no timer and no randomness of its own', () => {
  for (const file of files.filter((file) => file.startsWith('room/'))) {
    const code = readFileSync(join(SRC, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    expect(code, `src/${file}`).not.toMatch(
      /\b(Date\.now|new Date|setTimeout|setInterval|setImmediate|Math\.random|crypto\.|performance\.)/,
    )
  }
})

test('the SDK takes only types from the protocol schemas, so that no validator is bundled', () => {
  for (const file of files.filter((file) => file.startsWith('sdk/'))) {
    expect(readFileSync(join(SRC, file), 'utf8')).not.toMatch(
      /^import \{[^}]*\} from '\.\.\/protocol\/(messages|codec)\.ts'/m,
    )
  }
})
