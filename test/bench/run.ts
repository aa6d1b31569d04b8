// The benchmark: each round puts each load on each server in turn, and the report compares within the rounds.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pinned, stopAll } from './children.ts'
import { compile } from './compile.ts'
import { isFor, type LoadEntry } from './loads.ts'
import { type Bench, type Measurement, measure } from './measure.ts'
import { type Options, readOptions, UsageError, usage } from './options.ts'
import { formatNumber, loadSection, targetsSection } from './report.ts'
import { isDisturbed, Results } from './results.ts'
import type { ServerEntry } from './servers.ts'
import { judge } from './targets.ts'

let interrupted = false

function interrupt(): void {
  // A second one does not wait for anything: the exit handler of children.ts ends what is left.
  if (interrupted) process.exit(130)
  interrupted = true
  process.exitCode = 130
  void stopAll()
}

function prepare(options: Options, folder: string): Bench {
  const sources = options.servers.map((server) => server.program).filter((program) => program.endsWith('.cc'))
  return {
    generator: compile('test/bench/load/fanload.cc', folder),
    compiled: new Map(sources.map((source) => [source, compile(source, folder)])),
    folder,
  }
}

function progress(measurement: Measurement, load: LoadEntry): string {
  const { figures, failure, cut, ...about } = measurement
  const disturbed = isDisturbed(measurement)
  const what = `round ${about.round}  ${about.load.padEnd(7)} ${about.server.padEnd(10)}`
  if (!figures) return `${what} FAILED: ${failure}`
  const seen =
    load.about === 'joins'
      ? `${formatNumber(figures.joins_per_s, 0)} joins/s, ${figures.kb_per_conn} KB each`
      : `${formatNumber(figures.deliveries_per_s, 0)}/s, ${figures.cpu_us_per_delivery} µs, p99 ${figures.p99_ms} ms`
  return `${what} ${seen}${cut ? ' (cut)' : ''}${disturbed ? ' (disturbed)' : ''}`
}

/** Measures, and again where that was disturbed; the last try counts. */
async function measureQuietly(server: ServerEntry, load: LoadEntry, round: number, options: Options, bench: Bench) {
  for (let retries = options.retries; ; retries--) {
    const measurement = await measure(server, load, round, bench)
    if (!interrupted) console.error(progress(measurement, load))
    if (interrupted || retries === 0 || !isDisturbed(measurement)) return measurement
  }
}

async function measureAll(options: Options, bench: Bench): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  for (let round = 1; round <= options.rounds; round++) {
    for (const load of options.loads) {
      for (const server of serversOf(load, options)) {
        const measurement = await measureQuietly(server, load, round, options, bench)
        // What was interrupted was not measured.
        if (interrupted) return measurements
        measurements.push(measurement)
      }
    }
  }
  return measurements
}

function serversOf(load: LoadEntry, { servers }: Options): readonly ServerEntry[] {
  return servers.filter(({ name }) => isFor(load, name))
}

function report(options: Options, measurements: readonly Measurement[]): void {
  const results = new Results(measurements)
  const verdicts = judge(results)
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    pinned,
  }
  const where = pinned
    ? 'server on core 0, load generator on core 1'
    : 'NOT pinned: taskset or a second core is missing'
  const sections = [
    '# roomcast bench',
    `${machine.cores} × ${machine.cpu}, Node ${machine.node}; ${where}; medians of the undisturbed of ${options.rounds} round(s).`,
    ...options.loads.map((load) => loadSection(results, load, serversOf(load, options))),
    targetsSection(verdicts),
  ]
  console.log(sections.join('\n\n'))
  if (!options.json) return
  const { rounds, loads, servers } = options
  writeFileSync(
    options.json,
    `${JSON.stringify({ machine, rounds, loads, servers, measurements, verdicts }, null, 2)}\n`,
  )
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  const folder = mkdtempSync(join(tmpdir(), 'roomcast-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt)
  try {
    const bench = prepare(options, folder)
    if (!pinned) console.error('bench: not pinned, as taskset or a second core is missing; expect more noise')
    const measurements = await measureAll(options, bench)
    if (measurements.length > 0) report(options, measurements)
  } finally {
    await stopAll()
  }
}

try {
  await main()
} catch (error) {
  console.error(`bench: ${(error as Error).message}`)
  if (error instanceof UsageError) console.error(usage)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
