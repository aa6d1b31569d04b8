import manifest from '../../package.json' with { type: 'json' }

/** The server's own. */
export const VERSION: string = manifest.version
