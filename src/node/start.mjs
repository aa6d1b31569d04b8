// Plain JavaScript that any Node can run, so that one that is too old says so in place of stumbling over TypeScript.
const [major] = process.versions.node.split('.').map(Number)

if (major < 24) {
  console.error(
    `roomcast needs Node 24 or newer, and this is ${process.versions.node}. \`npm ci && npm start\` brings its own, ` +
      'unless npm was told to ignore scripts: then install Node 24, or run `npm rebuild node`.',
  )
  process.exit(1)
}

await import('./main.ts')
