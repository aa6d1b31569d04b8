import { expect, test } from 'vitest'
import { Turns } from '../../src/logs/redis/turns.ts'
import { settle } from '../support/doubles.ts'

test('only so many are under way at one time, in the order they came, and one that fails makes room', async () => {
  const turns = new Turns(2)
  const begun: number[] = []
  const under = [1, 2, 3, 4].map((n) => {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    const done = turns.take(() => {
      begun.push(n)
      return promise
    })
    return { done, resolve: () => resolve(n), reject: () => reject(new Error(`${n}`)) }
  })
  await settle()
  expect(begun).toEqual([1, 2])
  under[1]!.reject()
  await expect(under[1]!.done).rejects.toThrow('2')
  await settle()
  expect(begun).toEqual([1, 2, 3])
  for (const { resolve } of under) resolve()
  expect(await under[3]!.done).toBe(4)
  expect(begun).toEqual([1, 2, 3, 4])
})
