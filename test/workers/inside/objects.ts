import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'

/** The object that is the room. */
export function objectOf(uuid: string) {
  return env.ROOMS.get(env.ROOMS.idFromName(uuid))
}

/** Puts the room to sleep, its sockets kept: whatever comes next wakes it. */
export function evict(uuid: string): Promise<void> {
  return evictDurableObject(objectOf(uuid))
}

/** The tables that the room has in its storage, and its alarm. */
export function storedOf(uuid: string): Promise<{ tables: string[]; alarm: number | null }> {
  return runInDurableObject(objectOf(uuid), async (_, { storage }) => ({
    tables: storage.sql
      .exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'")
      .toArray()
      .map(({ name }) => String(name)),
    alarm: await storage.getAlarm(),
  }))
}
