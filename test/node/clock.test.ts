import { expect, test } from 'vitest'
import { systemClock } from '../../src/node/clock.ts'

const { soon, sooner, ahead } = systemClock

/** What ran, in order, when all that was put off has run. */
async function order(putOff: (ran: (name: string) => () => void) => void): Promise<string[]> {
  const names: string[] = []
  putOff((name) => () => names.push(name))
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
  return names
}

test('what makes news runs before what spreads it', async () => {
  const names = await order((ran) => {
    soon(ran('spread'))
    sooner(ran('make'))
  })
  expect(names).toEqual(['make', 'spread'])
})

test('what goes ahead has sent what it sends before anything is spread', async () => {
  const names = await order((ran) => {
    soon(ran('spread'))
    // A client library puts its own writing off until the turn is over.
    ahead(() => setImmediate(ran('sent')))
  })
  expect(names).toEqual(['sent', 'spread'])
})
