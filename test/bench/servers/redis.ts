// roomcast over a Redis of its own: three processes, of which roomcast is the one that serves.
import { start } from '../children.ts'
import { cores } from '../cores.ts'
import { startCountedRedis } from '../redis.ts'
import { roomcast, unbounded } from '../servers.ts'

// By what waits for that moment, both others end with this one.
process.once('SIGTERM', () => process.exit())
const redis = await startCountedRedis('everysec')
const serving = await start({
  command: [process.execPath, ...roomcast.flags, roomcast.program],
  core: cores.server,
  env: { ...unbounded, REDIS_URL: redis.url, REDIS_START: 'exit' },
})
console.log(`server ${serving.pid}`)
console.log(`beside ${redis.pid}`)
const exit = await serving.exit
console.error(`roomcast ended (${exit}): ${serving.complaint()}`)
process.exit(1)
