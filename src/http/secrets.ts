import { nanoid } from 'nanoid'
import type { Secrets } from '../room/ports.ts'

/** Of Web Crypto, which every runtime has. */
export const webCryptoSecrets: Secrets = {
  uuid: () => crypto.randomUUID(),
  // 126 and 192 random bits.
  clientId: () => nanoid(21),
  key: () => nanoid(32),
  hash: async (key) => base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key)))),
}

/** A name for a server among others, of characters that a client's id may begin with before a dot: 48 random bits. */
export function nodeName(): string {
  return nanoid(8)
}

/** RFC 4648, 5, without padding. */
function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
