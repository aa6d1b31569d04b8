import { SqliteLog } from '../../src/logs/sqlite.ts'
import { NodeSqliteDriver } from '../../src/node/sqlite-driver.ts'
import { CONTRACT_LIMITS, CONTRACT_MAX_ROOMS, testRoomLog } from '../contracts/room-log.ts'
import { countedSecrets } from '../support/doubles.ts'

testRoomLog('SQLite on Node', {
  open: async () =>
    new SqliteLog(new NodeSqliteDriver(':memory:', 'normal'), {
      limits: CONTRACT_LIMITS,
      maxRooms: CONTRACT_MAX_ROOMS,
      secrets: countedSecrets(),
      soon: setImmediate,
      onFailure(error) {
        throw error
      },
    }),
})
