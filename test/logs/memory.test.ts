import { MemoryLog } from '../../src/logs/memory.ts'
import { CONTRACT_LIMITS, CONTRACT_MAX_ROOMS, testRoomLog } from '../contracts/room-log.ts'
import { countedSecrets } from '../support/doubles.ts'

testRoomLog('memory', {
  open: async () => new MemoryLog({ limits: CONTRACT_LIMITS, maxRooms: CONTRACT_MAX_ROOMS, secrets: countedSecrets() }),
})
