import { expect, test } from 'vitest'
import { pauseBefore } from '../../src/sdk/backoff.ts'

test('pauses grow to a cap, and are spread over all of it', () => {
  const longest = Array.from({ length: 12 }, (_, attempt) => pauseBefore(attempt, () => 1))
  expect(longest.slice(0, 6)).toEqual([500, 1000, 2000, 4000, 8000, 15_000])
  expect(longest.at(-1)).toBe(15_000)
  expect(pauseBefore(11, () => 0)).toBe(0)
  expect(pauseBefore(11, () => 0.5)).toBe(7500)
})
