// One room on one, two and three nodes over one Redis: how the total grows, and what a delivery and a broadcast cost.
import { temporaryFolder } from '../../support/folder.ts'
import { pinned } from '../children.ts'
import { compile } from '../compile.ts'
import { endingAll } from '../ending.ts'
import { count, parsed, positive, UsageError } from '../options.ts'
import { type Measured, type Measuring, measure } from './measure.ts'
import { situationSection } from './report.ts'
import { nodeCounts, type Situation, situations } from './situations.ts'

const usage = `npm run bench:nodes -- [options]
  --rounds N      how often all is measured (5)
  --seconds S     for how long the owner broadcasts each time (4)`

/** In turns, since a bad moment of the machine is longer than one measurement. */
async function measureAll(rounds: number, measuring: Measuring): Promise<string> {
  const seen = new Map<Situation, Map<number, Measured[]>>(
    situations.map((situation) => [situation, new Map(nodeCounts.map((nodes) => [nodes, []]))]),
  )
  for (let round = 1; round <= rounds; round++) {
    for (const [situation, byNodes] of seen) {
      for (const [nodes, measured] of byNodes) {
        console.error(`round ${round}  ${situation.title}, ${nodes} node(s)`)
        measured.push(await measure(nodes, situation, measuring))
      }
    }
  }
  const where = pinned ? 'load generator and Redis on core 1' : 'NOT pinned: taskset or a second core is missing'
  const head = `# roomcast on several nodes\n\n${where}; medians of ${rounds} round(s).`
  return [head, ...[...seen].map(([situation, byNodes]) => situationSection(situation, byNodes))].join('\n\n')
}

/** The options of the command line; throws a UsageError. */
function readOptions(): { rounds: number; seconds: number } {
  const { values } = parsed({ options: { rounds: { type: 'string' }, seconds: { type: 'string' } } })
  return { rounds: count('rounds', values.rounds ?? '5', 1), seconds: positive('seconds', values.seconds ?? '4') }
}

async function main(): Promise<void> {
  const { rounds, seconds } = readOptions()
  const folder = temporaryFolder()
  process.on('exit', folder.remove)
  const generator = compile('test/bench/load/fanload.cc', folder.path)
  await endingAll(async () => console.log(await measureAll(rounds, { generator, seconds })))
}

try {
  await main()
} catch (error) {
  console.error(`bench: ${(error as Error).message}`)
  if (error instanceof UsageError) console.error(usage)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
