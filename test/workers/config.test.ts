import { expect, test } from 'vitest'
import { readConfig } from '../../src/workers/config.ts'

test('the defaults are those of the Node server', async () => {
  const { readConfig: readNodeConfig } = await import('../../src/node/config.ts')
  expect(readConfig({ ROOMS: {}, ASSETS: {} }).limits).toEqual(readNodeConfig({}).limits)
})

test.each([
  ['MAX_LISTENERS', '32768', 'must be at most 32767'],
  ['MESSAGE_BYTES', '1048577', 'must be at most 1048576'],
  ['STATE_BYTES', '8388609', 'must be at most 8388608'],
  ['GRACE_SECONDS', 'long', 'must be a whole number'],
  ['ALLOWED_ORIGINS', 'example.org', 'must be origins such as https://example.org'],
  ['ALLOWED_ORIGINS', 'https://a.*.example', 'must be origins such as https://example.org'],
  ['PUBLIC_URL', 'show.example', 'must be addresses such as https://example.org'],
  ['REQUIRE_ORIGIN', 'yes', 'must be true or false'],
])('%s = %s, which the platform does not bear, is refused by name', (name, value, complaint) => {
  expect(() => readConfig({ [name]: value })).toThrow(`${name}`)
  expect(() => readConfig({ [name]: value })).toThrow(complaint)
})

test('what is given is taken', () => {
  const { limits, origins } = readConfig({
    MESSAGE_BYTES: '1048576',
    ALLOWED_ORIGINS: 'https://a.example, *',
    PUBLIC_URL: 'https://show.example/',
  })
  expect(limits.messageBytes).toBe(1_048_576)
  const allowed = ['https://a.example', '*']
  expect(origins).toEqual({ allowed, own: ['https://show.example'], hostFrom: 'platform', allowNone: true })
})
