// Bundles what a browser loads: the demo page, and the SDK as one module. Everything else runs as it is written.
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const bundles = { page: 'src/page/main.ts', roomcast: 'src/sdk/index.ts' }

const esbuild = await import('esbuild').catch(() => undefined)
if (esbuild !== undefined) {
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: bundles,
    outdir: 'public',
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    sourcemap: false,
    logLevel: 'warning',
  })
} else if (!Object.keys(bundles).every((name) => existsSync(join(root, 'public', `${name}.js`)))) {
  console.error(
    'The page is not bundled, and esbuild, a dev dependency, is not installed: run `npm ci && npm run build`.',
  )
  process.exit(1)
}
