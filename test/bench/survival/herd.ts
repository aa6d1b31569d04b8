import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket as FastWebSocket } from 'ws'
import { type Following, follow, present } from '../../../src/sdk/index.ts'
import { table } from '../table.ts'
import { percentile, startHouse, until } from './house.ts'

type Show = { count: [n: number] }

/** Listeners that connect at one time while the room fills, before anything is measured. */
const FILLING = 200

/** All listeners of a room dropped at once by a crash: how long until they are back and level, and what it costs. */
export async function herd(size: number): Promise<string> {
  const house = await startHouse({ LOG: 'sqlite' })
  const webSocket = FastWebSocket as unknown as typeof WebSocket
  const room = await present<Show>(house.url, { webSocket })
  const listeners: (Following<Show> & { last: number; sum: number })[] = []
  while (listeners.length < size) {
    for (let n = 0; n < FILLING && listeners.length < size; n++) {
      const member = Object.assign(follow<Show>(house.url, room.uuid, { webSocket }), { last: 0, sum: 0 })
      member.when('reset', () => Object.assign(member, { last: 0, sum: 0 }))
      member.on('count', (n) => {
        member.last = n
        member.sum += n
      })
      listeners.push(member)
    }
    await until(() => listeners.every(({ status }) => status === 'live'), 60_000)
  }

  let said = 0
  let isOver = false
  const flow = (async () => {
    // Kept, every one of them, so that one that is missing anywhere shows in the sum.
    while (!isOver) {
      await room.append('count', ++said)
      await sleep(20)
    }
  })()
  await sleep(1000)
  await house.kill()
  const from = performance.now()
  const backAt: number[] = []
  for (const member of listeners) {
    member.when('status', (status) => status === 'live' && void backAt.push(performance.now() - from))
  }
  await house.restart()
  const up = performance.now() - from
  await until(() => backAt.length >= size, 120_000)
  const cpu = house.cpu()
  isOver = true
  await flow
  const levelFrom = performance.now()
  await until(() => listeners.every(({ last }) => last === said), 60_000)
  const level = performance.now() - levelFrom
  const expected = (said * (said + 1)) / 2
  const missing = listeners.filter(({ sum }) => sum !== expected).length
  for (const member of listeners) member.leave()
  room.leave()
  await house.end()
  const rows = [
    ['server up again', `${up.toFixed(0)} ms`],
    ['half of them back', `${percentile(backAt, 0.5).toFixed(0)} ms`],
    ['all of them back', `${Math.max(...backAt).toFixed(0)} ms`],
    ['level after the last broadcast', `${level.toFixed(0)} ms`],
    ["server's CPU until then", `${cpu.toFixed(2)} s, ${((cpu * 1e6) / size).toFixed(0)} µs a listener`],
    ['broadcasts acknowledged', `${said}`],
    ['listeners that miss one, or have one twice', `${missing}`],
  ]
  return `## Herd: ${size} listeners dropped at once by a kill -9\n\n${table(['', 'seen'], rows)}\n`
}
