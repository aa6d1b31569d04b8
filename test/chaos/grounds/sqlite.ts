import { temporaryFolder } from '../../support/folder.ts'
import { Fleet } from '../fleet.ts'
import type { Ground } from '../ground.ts'

const GRACE = 20

/** One server that keeps its rooms in a file. */
export async function sqliteGround(): Promise<Ground> {
  const folder = temporaryFolder()
  const fleet = await Fleet.start(1, { LOG: 'sqlite', DATA_DIR: folder.path, GRACE_SECONDS: `${GRACE}` })
  return {
    url: fleet.url,
    addresses: fleet.addresses,
    grace: GRACE,
    faults: fleet.faults,
    leftovers: async () => [],
    accidents: () => fleet.accidents,
    stop: () => fleet.stop().finally(folder.remove),
  }
}
