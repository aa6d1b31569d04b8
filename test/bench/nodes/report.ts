import { formatNumber } from '../report.ts'
import { median } from '../results.ts'
import { table } from '../table.ts'
import type { Measured } from './measure.ts'
import type { Situation } from './situations.ts'

/** The measurements of each number of nodes, a round each; the first is what the others are compared with. */
export type Rounds = ReadonlyMap<number, readonly Measured[]>

type Figure = (measured: Measured) => number

const total: Figure = ({ figures }) => figures.deliveries_per_s
const cpuEach: Figure = ({ figures }) => figures.cpu_us_per_delivery

export function situationSection({ title }: Situation, rounds: Rounds): string {
  return [`## ${title}`, fanOutTable(rounds), redisTable(rounds)].join('\n\n')
}

function fanOutTable(rounds: Rounds): string {
  const head = [
    'nodes',
    'deliveries/s',
    'of one',
    'CPU µs/delivery',
    'of one',
    'deliveries a read',
    'p50 ms',
    'p99 ms',
    'lost, gaps, reordered',
  ]
  const rows = [...rounds].map(([nodes, measured]) => [
    `${nodes}`,
    middle(measured, total, 0),
    ratio(rounds, measured, total),
    middle(measured, cpuEach, 2),
    ratio(rounds, measured, cpuEach),
    middle(measured, ({ figures }) => figures.deliveries_per_read, 1),
    middle(measured, ({ figures }) => figures.p50_ms, 1),
    middle(measured, ({ figures }) => figures.p99_ms, 1),
    (['lost', 'gaps', 'reordered'] as const).map((what) => sum(measured, ({ figures }) => figures[what])).join(' / '),
  ])
  return table(head, rows)
}

function redisTable(rounds: Rounds): string {
  const head = [
    'each broadcast',
    'publishes',
    'messages to nodes',
    "Redis' CPU µs",
    'µs in its script',
    'bytes in',
    'bytes out',
  ]
  const rows = [...rounds].map(([nodes, measured]) => [
    `${nodes} node${nodes > 1 ? 's' : ''}`,
    middle(measured, ({ publishesEach }) => publishesEach, 3),
    middle(measured, ({ messagesEach }) => messagesEach, 3),
    middle(measured, ({ redis }) => redis.cpu, 1),
    middle(measured, ({ redis }) => redis.script, 1),
    middle(measured, ({ redis }) => redis.bytesIn, 0),
    middle(measured, ({ redis }) => redis.bytesOut, 0),
  ])
  return table(head, rows)
}

function middle(measured: readonly Measured[], figure: Figure, digits: number): string {
  return formatNumber(median(measured.map(figure)) ?? Number.NaN, digits)
}

/** Each round divided by the first number of nodes in the same round: the median, the lowest and the highest. */
function ratio(rounds: Rounds, measured: readonly Measured[], figure: Figure): string {
  const base = [...rounds.values()][0]!
  if (measured === base) return ''
  const quotients = measured.map((one, round) => figure(one) / figure(base[round]!))
  const [middle, lowest, highest] = [median(quotients)!, Math.min(...quotients), Math.max(...quotients)]
  return `${middle.toFixed(2)} × (${lowest.toFixed(2)}–${highest.toFixed(2)})`
}

function sum(measured: readonly Measured[], figure: Figure): number {
  return measured.reduce((sum, one) => sum + figure(one), 0)
}
