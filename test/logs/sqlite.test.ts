import { expect, test } from 'vitest'
import { SqliteLog } from '../../src/logs/sqlite.ts'
import { NodeSqliteDriver } from '../../src/node/sqlite-driver.ts'
import type { RoomLimits } from '../../src/room/limits.ts'
import { LARGE_LIMITS, testLargeRooms } from '../contracts/large-rooms.ts'
import { CONTRACT_LIMITS, CONTRACT_MAX_ROOMS, Recorder, stored, testRoomLog } from '../contracts/room-log.ts'
import { countedSecrets } from '../support/doubles.ts'

const open = async (limits: RoomLimits) =>
  new SqliteLog(new NodeSqliteDriver(':memory:', 'normal'), {
    limits,
    maxRooms: CONTRACT_MAX_ROOMS,
    secrets: countedSecrets(),
    soon: setImmediate,
    onFailure(error) {
      throw error
    },
  })

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

testRoomLog('SQLite on Node', { open: () => open(CONTRACT_LIMITS) })
testLargeRooms('SQLite on Node', { open: () => open(LARGE_LIMITS), turn })

test('[B2] a large room is read in over many turns, and other rooms are served in each of them', async () => {
  const [large, small] = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b']
  const log = await open(LARGE_LIMITS)
  await log.create(large, 'hash')
  await log.create(small, 'hash')
  await Promise.all(Array.from({ length: 9000 }, (_, n) => log.append(large, stored(`${n}`, `k${n}`))))
  let isRead = false
  const following = log
    .follow(large, (snapshot) => new Recorder(snapshot))
    .finally(() => {
      isRead = true
    })
  let served = 0
  while (!isRead) {
    await log.append(small, stored('served', 'k'))
    served++
  }
  expect((await following)!.snapshot.state).toHaveLength(9000)
  expect(served).toBeGreaterThan(15)
  await log.close()
})
