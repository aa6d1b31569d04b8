import type { Secrets } from '../room/ports.ts'

/** Of Web Crypto, which every runtime has. */
export const webCryptoSecrets: Secrets = {
  uuid: () => crypto.randomUUID(),
  clientId: () => randomText(12),
  key: () => randomText(32),
  hash: async (key) => base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key)))),
}

function randomText(bytes: number): string {
  return base64url(crypto.getRandomValues(new Uint8Array(bytes)))
}

/** RFC 4648, 5, without padding. */
function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
