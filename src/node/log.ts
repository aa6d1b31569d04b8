import { mkdirSync, readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { join, resolve } from 'node:path'
import { MemoryLog } from '../logs/memory.ts'
import { SqliteLog } from '../logs/sqlite.ts'
import type { RoomHouse } from '../room/house.ts'
import type { RoomLog } from '../room/ports.ts'
import type { SystemClock } from './clock.ts'
import type { Config } from './config.ts'
import { NodeSqliteDriver } from './sqlite-driver.ts'

const FILE = 'roomcast.sqlite'

/** What SQLite's result codes mean to who runs the server (sqlite.org/rescode.html). */
const EXPLANATIONS: Record<number, string> = {
  5: 'another process is using it',
  8: 'it cannot be written: it, its folder or its disk is read-only',
  10: 'the disk reports an error',
  11: 'it is damaged: put a copy of it back, or take it away to start without rooms',
  13: 'the disk is full',
  14: 'it cannot be opened or made',
  26: 'it is not a SQLite database, or damaged: put a copy of it back, or take it away to start without rooms',
}

/** Opens the log that the configuration asks for. Throws an `Error` that names the file and says what is wrong with it. */
export function openLog(
  config: Config,
  { limits, budget, secrets, clock }: Pick<RoomHouse, 'limits' | 'budget' | 'secrets'> & { clock: SystemClock },
  onFailure: (error: unknown) => void,
): RoomLog {
  const { maxRooms, synchronous, diskBytes } = config
  if (config.log === 'memory') return new MemoryLog({ limits, maxRooms, budget, secrets })
  const path = resolve(join(config.dataDir, FILE))
  try {
    mkdirSync(config.dataDir, { recursive: true })
    const driver = new NodeSqliteDriver(path, synchronous)
    try {
      const log = new SqliteLog(driver, {
        limits,
        maxRooms,
        budget,
        diskBytes,
        secrets,
        soon: clock.sooner,
        onFailure,
      })
      log.takeUp(clock.now(), bootOf(synchronous))
      return log
    } catch (error) {
      driver.close()
      throw error
    }
  } catch (error) {
    throw new Error(`the rooms in ${path} cannot be used: ${explain(error)}`, { cause: error })
  }
}

/** Words for an error of SQLite, or of the file system. */
export function explain(error: unknown): string {
  const { errcode, message } = error as { errcode?: number; message: string }
  // Its low byte is the primary code.
  return EXPLANATIONS[(errcode ?? 0) & 0xff] ?? message
}

/** Names this start of the machine, where a start may have cost commits; always the same where it cannot have. */
function bootOf(synchronous: Config['synchronous']): string {
  if (synchronous === 'full') return 'any'
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    // Other systems: the minute it started in; an epoch too many costs a replay, no more.
    return String(Math.round((Date.now() / 1000 - uptime()) / 60))
  }
}
