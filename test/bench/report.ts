import type { LoadEntry } from './loads.ts'
import { isDisturbed, type Metric, metrics, type Results } from './results.ts'
import { type ServerEntry, subject } from './servers.ts'
import { table } from './table.ts'
import type { Verdict } from './targets.ts'

/** A number with thousands separated, however the machine is set up. */
export function formatNumber(value: number, digits: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function cell(value: number | undefined, digits: number): string {
  return value === undefined ? '–' : formatNumber(value, digits)
}

function percent(share: number | undefined): string {
  return share === undefined ? '–' : `${Math.round(share * 100)} %`
}

function medianCell(results: Results, load: string, server: string, { figure, digits }: Metric): string {
  const middle = results.median(load, server, ({ figures }) => figures[figure])
  // A delivery that had not come when the measurement was cut has no latency yet, and it would be a long one.
  const bound = figure.endsWith('_ms') && results.of(load, server).some(({ cut }) => cut)
  return `${bound ? '≥ ' : ''}${cell(middle, digits)}`
}

/** Lost is what did not come though nobody cut the wait for it. What a cut left behind is late. */
function lostCell(results: Results, load: string, server: string): string {
  const total = results.total(load, server, 'lost')
  if (total === undefined) return '–'
  const late = results.of(load, server).reduce((sum, { cut, figures }) => sum + (cut && figures ? figures.lost : 0), 0)
  return `${formatNumber(total - late, 0)}${late > 0 ? ` + ${formatNumber(late, 0)} late` : ''}`
}

/** How much of the measured time the server was busy: near 100 % it was the server that set the pace. */
function busyCell(results: Results, load: LoadEntry, server: string): string {
  const share = results.median(load.name, server, ({ figures }) =>
    load.about === 'joins' ? (figures.join_cpu_us * figures.joins_per_s) / 1e6 : figures.cpu_s / figures.seconds,
  )
  return percent(share)
}

/** How much of the time server and generator waited for their cores: near 0 % nobody else was on them. */
function waitedCell(results: Results, load: string, server: string): string {
  const ofServer = results.median(load, server, ({ waited }) => waited.server)
  const ofGenerator = results.median(load, server, ({ waited }) => waited.generator)
  return `${percent(ofServer)} / ${percent(ofGenerator)}`
}

function heldCells(results: Results, load: string, server: string): string[] {
  const which = ['broadcasting', 'broadcastingP99', 'joining'] as const
  return which.map((figure) => cell(results.worstHeld(load, server, figure), 1))
}

function figuresTable(results: Results, load: LoadEntry, servers: readonly ServerEntry[]): string {
  const shown = metrics[load.about]
  const head = ['server', ...shown.map(({ title }) => title), 'core busy', 'waited', 'lost', 'gaps', 'reordered']
  const heldHead = load.eventLoop ? ['loop held ms', 'its p99', 'while joining'] : []
  const rows = servers.map(({ name, title }) => [
    title,
    ...shown.map((metric) => medianCell(results, load.name, name, metric)),
    busyCell(results, load, name),
    waitedCell(results, load.name, name),
    lostCell(results, load.name, name),
    cell(results.total(load.name, name, 'gaps'), 0),
    cell(results.total(load.name, name, 'reordered'), 0),
    ...(load.eventLoop ? heldCells(results, load.name, name) : []),
  ])
  return table([...head, ...heldHead], rows)
}

/** Two digits say enough of a ratio, but not of one below a tenth. */
function times(ratio: number): string {
  return ratio.toFixed(ratio < 0.1 ? 3 : 2)
}

function ratiosTable(results: Results, load: LoadEntry, servers: readonly ServerEntry[]): string | undefined {
  const peers = servers.filter((server) => server.name !== subject)
  if (peers.length === servers.length || peers.length === 0) return undefined
  const shown = metrics[load.about]
  const rows = peers.map((peer) => [
    peer.title,
    ...shown.map(({ figure }) => {
      const ratio = results.ratio(load.name, peer.name, figure)
      if (!ratio) return '–'
      const spread = ratio.rounds > 1 ? ` (${times(ratio.lowest)}–${times(ratio.highest)})` : ''
      return `${times(ratio.median)} ×${spread}`
    }),
  ])
  return table([`${subject} against`, ...shown.map(({ title }) => title)], rows)
}

/** What is not as it should be, and so how far the tables can be trusted. */
function remarks(results: Results, load: LoadEntry, servers: readonly ServerEntry[]): string | undefined {
  const lines = servers.flatMap(({ name, title }) => {
    const measurements = results.of(load.name, name)
    const failed = measurements.filter(({ failure }) => failure !== undefined)
    const disturbed = measurements.filter(isDisturbed).map(({ round }) => round)
    const all = results.rounds(load.name, name).disturbed
    return [
      ...failed.map(({ round, failure }) => `- ${title}: no figures in round ${round}: ${failure}`),
      ...(disturbed.length > 0 && !all ? [`- ${title}: disturbed, so left out: round ${disturbed.join(', ')}`] : []),
      ...(all ? [`- ${title}: EVERY round was disturbed`] : []),
    ]
  })
  return lines.length === 0 ? undefined : lines.join('\n')
}

/** What the processes took that work for a server, apart from its own time. */
function besides(results: Results, load: LoadEntry, servers: readonly ServerEntry[]): string | undefined {
  const lines = servers.flatMap(({ name, title }) => {
    const each = results.median(load.name, name, ({ besideCpu = 0, figures }) => (besideCpu * 1e6) / figures.sent)
    return each ? [`- ${title}: beside the server, ${cell(each, 0)} µs of CPU a broadcast`] : []
  })
  return lines.length === 0 ? undefined : lines.join('\n')
}

/** The section of one load. */
export function loadSection(results: Results, load: LoadEntry, servers: readonly ServerEntry[]): string {
  const parts = [
    `## ${load.name}: ${load.title}`,
    figuresTable(results, load, servers),
    ratiosTable(results, load, servers),
    besides(results, load, servers),
    remarks(results, load, servers),
  ]
  return parts.filter((part) => part !== undefined).join('\n\n')
}

function verdictCell({ reached, disturbed }: Verdict): string {
  if (reached === undefined) return '–'
  return `${reached ? 'reached' : 'MISSED'}${disturbed ? ' (disturbed)' : ''}`
}

/** The targets, and whether each was reached. */
export function targetsSection(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map((verdict) => [
    verdict.target,
    verdict.measured,
    `${verdict.quietRounds}`,
    verdictCell(verdict),
  ])
  return `## targets\n\n${table(['target', 'measured', 'quiet rounds', 'reached'], rows)}`
}
