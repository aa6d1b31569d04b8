import { MemoryLog } from '../../src/logs/memory.ts'
import { LARGE_LIMITS, testLargeRooms } from '../contracts/large-rooms.ts'
import { CONTRACT_LIMITS, CONTRACT_MAX_ROOMS, testRoomLog } from '../contracts/room-log.ts'
import { countedSecrets } from '../support/doubles.ts'

testLargeRooms('memory', {
  open: async () => new MemoryLog({ limits: LARGE_LIMITS, maxRooms: CONTRACT_MAX_ROOMS, secrets: countedSecrets() }),
})

testRoomLog('memory', {
  open: async () => new MemoryLog({ limits: CONTRACT_LIMITS, maxRooms: CONTRACT_MAX_ROOMS, secrets: countedSecrets() }),
})
