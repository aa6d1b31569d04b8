import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { webCryptoSecrets } from '../../../src/http/secrets.ts'
import { SqliteLog } from '../../../src/logs/sqlite.ts'
import type { RoomLog } from '../../../src/room/ports.ts'
import { ObjectSqliteDriver } from '../../../src/workers/sqlite-driver.ts'
import { CONTRACT_LIMITS, CONTRACT_MAX_ROOMS, testRoomLog } from '../../contracts/room-log.ts'

/** A log that each call reaches in the object whose storage it is, since none may use another's. */
function inside(stub: DurableObjectStub, log: RoomLog): RoomLog {
  // The plugin does not keep the order of what is to be run in an object: each turn there takes what was asked for first.
  const asked: (() => Promise<() => void>)[] = []
  function within<T>(call: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      asked.push(() =>
        call().then(
          (value) => () => resolve(value),
          (error) => () => reject(error),
        ),
      )
      // An object may not settle what is awaited outside it.
      runInDurableObject(stub, () => asked.shift()!()).then((settle) => settle(), reject)
    })
  }
  return {
    create: (...given) => within(() => log.create(...given)),
    follow: (...given) => within(() => log.follow(...given)),
    unfollow: (...given) => log.unfollow(...given),
    append: (...given) => within(() => log.append(...given)),
    takeOver: (...given) => within(() => log.takeOver(...given)),
    offerHandover: (...given) => within(() => log.offerHandover(...given)),
    ownerLeft: (...given) => within(() => log.ownerLeft(...given)),
    abandoned: (...given) => within(() => log.abandoned(...given)),
    end: (...given) => within(() => log.end(...given)),
    close: () => within(() => log.close()),
  }
}

testRoomLog('the SQLite of a Durable Object', {
  open: async () => {
    const stub = env.ROOMS.get(env.ROOMS.newUniqueId())
    const log = await runInDurableObject(
      stub,
      (_, { storage }) =>
        new SqliteLog(new ObjectSqliteDriver(storage), {
          limits: CONTRACT_LIMITS,
          maxRooms: CONTRACT_MAX_ROOMS,
          secrets: webCryptoSecrets,
          soon: (flush) => queueMicrotask(flush),
          onFailure(error) {
            throw error
          },
        }),
    )
    return inside(stub, log)
  },
})
