import type { RoomLimits } from '../../src/room/limits.ts'
import { Cluster } from './cluster.ts'
import { broadcasts, type House, type Member } from './doubles.ts'
import type { Message } from './messages.ts'

/** A room whose owner is on node `a`, with a listener on each of `a`, `b` and `c`. */
export async function roomOnThree(limits: Partial<RoomLimits> = {}) {
  const cluster = new Cluster(limits)
  const [a, b, c] = [cluster.start('a'), cluster.start('b'), cluster.start('c')]
  const owner = await a.open()
  const { uuid, ownerKey } = owner.welcome
  const [onA, onB, onC] = [await a.join(uuid), await b.join(uuid), await c.join(uuid)]
  await settled(cluster, a)
  for (const { connection } of [owner, onA, onB, onC]) connection.fresh()
  cluster.asked.length = 0
  return { cluster, a, b, c, owner, uuid, ownerKey: ownerKey!, onA, onB, onC }
}

/** All reports of who is here have been made. */
export async function settled({ clock }: Cluster, house: House): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await house.settle()
    clock.advance(100)
  }
  await house.settle()
}

export const idOf = ({ welcome }: Member) => welcome.clientId!
export const eventsOf = (messages: readonly Message[]) => messages.flatMap(({ event }) => event ?? [])
export const events = ({ connection }: Member) => eventsOf(connection.fresh())
export const heard = ({ connection }: Member) => broadcasts(connection.fresh())
