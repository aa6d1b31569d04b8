import { expect, test } from 'vitest'
import { Handlers } from '../../src/sdk/handlers.ts'

test('one that throws is reported, and stops no other', () => {
  const thrown: unknown[] = []
  const got: unknown[] = []
  const handlers = new Handlers((error, name) => thrown.push([name, (error as Error).message]))
  handlers.add('slide', () => {
    throw new Error('mine')
  })
  handlers.add('slide', (n: number) => got.push(n))
  handlers.run('slide', 1)
  handlers.run('other', 2)
  expect(got).toEqual([1])
  expect(thrown).toEqual([['slide', 'mine']])
})

test('the same function put up twice runs twice, and is taken down one by one', () => {
  let runs = 0
  const count = () => runs++
  const handlers = new Handlers(() => {})
  const stops = [handlers.add('a', count), handlers.add('a', count)]
  handlers.run('a')
  stops[0]!()
  stops[0]!()
  handlers.run('a')
  expect(runs).toBe(3)
  stops[1]!()
  handlers.run('a')
  expect([runs, handlers.has('a')]).toEqual([3, false])
})
