import type { Figures } from './generate.ts'
import { isFor, type LoadEntry, loads } from './loads.ts'
import type { Results } from './results.ts'
import { servers, subject } from './servers.ts'

export interface Verdict {
  readonly target: string
  /** What was measured, for people. */
  readonly measured: string
  /** Undefined when the run has not measured what it takes. */
  readonly reached: boolean | undefined
  /** How many rounds measured it undisturbed: a verdict of few says little. */
  readonly quietRounds: number
  /** Drawn from disturbed rounds, for want of others: then it says little. */
  readonly disturbed: boolean
}

interface Outcome {
  readonly measured: string
  readonly reached: boolean
}

interface Target {
  readonly load: string
  readonly claim: string
  /** The servers that it takes. */
  readonly of: readonly string[]
  /** Asked only when a round has measured the load on all of those servers; undefined if a figure is missing still. */
  readonly judge: (results: Results) => Outcome | undefined
}

function title(server: string): string {
  return servers.find((entry) => entry.name === server)?.title ?? server
}

/** Whose claim it is, where that is not the subject. */
function claimant(server: string): string {
  return server === subject ? '' : `${title(server)}: `
}

type Limit = { readonly least: number } | { readonly most: number }

function against(
  load: string,
  what: string,
  figure: keyof Figures,
  peer: string,
  limit: Limit,
  server = subject,
): Target {
  const bound = 'least' in limit ? `at least ${limit.least}` : `at most ${limit.most}`
  return {
    load,
    claim: `${claimant(server)}${what} ${bound} × ${title(peer)}`,
    of: [server, peer],
    judge: (results) => {
      const ratio = results.ratio(load, peer, figure, server)?.median
      if (ratio === undefined) return undefined
      const reached = 'least' in limit ? ratio >= limit.least : ratio <= limit.most
      return { measured: `${ratio.toFixed(2)} ×`, reached }
    },
  }
}

/** The share of the nominal rate that counts as all of it: the last deliveries come after the last broadcast. */
const fullRate = 0.97

function keepsRate(load: string, rate: number): Target {
  return {
    load,
    claim: 'all that was sent is delivered, at the full rate',
    of: [subject],
    judge: (results) => {
      const share = results.median(load, subject, ({ figures }) => figures.deliveries_per_s / figures.listeners / rate)
      const lost = results.total(load, subject, 'lost')
      if (share === undefined) return undefined
      return { measured: `${(share * 100).toFixed(1)} %, ${lost} lost`, reached: share >= fullRate && lost === 0 }
    },
  }
}

function loopHeldAtMost(load: string, milliseconds: number): Target {
  return {
    load,
    claim: `event loop never held for more than ${milliseconds} ms`,
    of: [subject],
    judge: (results) => {
      const worst = results.worstHeld(load, subject, 'broadcasting')
      if (worst === undefined) return undefined
      const prototype = results.worstHeld(load, 'prototype', 'broadcasting')
      const peer = prototype === undefined ? '' : ` (prototype ${prototype.toFixed(1)})`
      return { measured: `${worst.toFixed(1)} ms${peer}`, reached: worst <= milliseconds }
    },
  }
}

function memoryAtMost(load: string, kilobytes: number): Target {
  return {
    load,
    claim: `at most ${kilobytes} KB per idle listener`,
    of: [subject],
    judge: (results) => {
      const each = results.median(load, subject, ({ figures }) => figures.kb_per_conn)
      return each === undefined ? undefined : { measured: `${each.toFixed(1)} KB`, reached: each <= kilobytes }
    },
  }
}

function inOrder({ name }: LoadEntry, server: string): Target {
  return {
    load: name,
    claim: `${claimant(server)}none lost, no gap, none reordered`,
    of: [server],
    judge: (results) => {
      const counts = (['lost', 'gaps', 'reordered'] as const).map((figure) => results.total(name, server, figure))
      return { measured: counts.join(' / '), reached: counts.every((count) => count === 0) }
    },
  }
}

const targets: readonly Target[] = [
  against('window', 'deliveries/s', 'deliveries_per_s', 'plain-ws', { least: 12 }),
  against('window', 'deliveries/s', 'deliveries_per_s', 'socket-io', { least: 12 }),
  against('window', 'p99', 'p99_ms', 'plain-ws', { most: 0.2 }),
  against('window', 'p99', 'p99_ms', 'socket-io', { most: 0.2 }),
  against('window', 'CPU per delivery', 'cpu_us_per_delivery', 'prototype', { most: 1.25 }),
  against('window', 'deliveries/s', 'deliveries_per_s', 'sqlite', { most: 1.05 }),
  against('window', 'deliveries/s', 'deliveries_per_s', subject, { least: 0.9 }, 'redis'),
  against('window', 'deliveries/s', 'deliveries_per_s', 'sqlite', { least: 0.9 }, 'redis'),
  keepsRate('burst', 500),
  against('burst', 'p99', 'p99_ms', 'prototype', { most: 1.5 }),
  against('crowd', 'deliveries/s', 'deliveries_per_s', 'plain-ws', { least: 10 }),
  loopHeldAtMost('crowd', 10),
  against('steady', 'CPU per delivery', 'cpu_us_per_delivery', 'plain-ws', { most: 1 }),
  against('steady', 'p99', 'p99_ms', 'plain-ws', { most: 1 }),
  memoryAtMost('joins', 5.5),
  against('joins', 'joins/s', 'joins_per_s', 'plain-ws', { least: 1 }),
  ...loads.flatMap((load) =>
    [subject, 'redis'].filter((server) => isFor(load, server)).map((server) => inOrder(load, server)),
  ),
]

/** Each target, and whether the run reached it. */
export function judge(results: Results): Verdict[] {
  return targets.map(({ load, claim, of, judge }) => {
    const { rounds, disturbed } = results.rounds(load, ...of)
    const outcome = rounds.length > 0 ? judge(results) : undefined
    const answer = outcome ?? { measured: 'not measured', reached: undefined }
    return { target: `${load}: ${claim}`, ...answer, quietRounds: disturbed ? 0 : rounds.length, disturbed }
  })
}
