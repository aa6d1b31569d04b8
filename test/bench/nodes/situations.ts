import type { Core } from '../children.ts'
import { cores } from '../cores.ts'
import type { LoadEntry } from '../loads.ts'

/** What is done to a number of nodes, and where those run. */
export interface Situation {
  readonly title: string
  readonly listeners: number
  readonly traffic: LoadEntry['traffic']
  readonly core: Core
}

/** How many nodes are compared, under the same listeners; the others are held against the first. */
export const nodeCounts = [1, 2, 3] as const

const kinds = [
  { title: '8 under way, all nodes on one core', traffic: { window: 8 }, core: cores.server },
  { title: '8 under way, nodes on both cores', traffic: { window: 8 }, core: 'any' },
  // So seldom that every delivery is a write of its own. Under way, it depends on the number of nodes how many go together.
  { title: '20 broadcasts/s, all nodes on one core', traffic: { rate: 20, burst: 1 }, core: cores.server },
] as const

export const situations: readonly Situation[] = kinds.flatMap(({ title, ...kind }) =>
  [1000, 3000].map((listeners) => ({ ...kind, listeners, title: `${listeners} listeners, ${title}` })),
)
