// Presenters and followers by the SDK, over servers and stores that fail again and again; then everything is compared.
import { parseArgs } from 'node:util'
import { seedOfRun } from '../support/random.ts'
import { hasRedis } from '../support/redis.ts'
import { hasWorkerd } from '../support/workerd.ts'
import { chaos } from './chaos.ts'
import type { Ground } from './ground.ts'
import { clusterGround, farClusterGround } from './grounds/cluster.ts'
import { redisGround } from './grounds/redis.ts'
import { sqliteGround } from './grounds/sqlite.ts'
import { workersGround } from './grounds/workers.ts'

const grounds: Record<string, { readonly isHere: () => boolean; readonly start: () => Promise<Ground> }> = {
  sqlite: { isHere: () => true, start: sqliteGround },
  redis: { isHere: hasRedis, start: redisGround },
  cluster: { isHere: hasRedis, start: clusterGround },
  'far-cluster': { isHere: hasRedis, start: farClusterGround },
  workers: { isHere: hasWorkerd, start: workersGround },
}

const USAGE = `npm run chaos -- [options] [${Object.keys(grounds).join(' ')}]
  --seconds S     for how long faults happen on each ground (15)
  --seed N        the schedule of an earlier run (SEED does the same)
  --rounds N      how often; each with the next seed (1)
  --shows N       rooms that are compared at the end (3)
  --followers N   of each, at the start (4)
  --at-once N     faults at one time (1)
  --together      all grounds at the same time
  --faults A,B    only these faults
  --list          the faults there are`

const { values, positionals } = read()
const names = positionals.length > 0 ? positionals : Object.keys(grounds)
const unknown = names.filter((name) => !(name in grounds))
if (unknown.length > 0) exit(2, `no ground ${unknown.join(', ')}\n\n${USAGE}`)

const seed = Number(values.seed ?? seedOfRun())
let broken = 0
for (let round = 0; round < Number(values.rounds); round++) {
  const runs = names.filter((name) => grounds[name]!.isHere()).map((name) => () => run(name, seed + round))
  if (values.together) await Promise.all(runs.map((run) => run()))
  else for (const run of runs) await run()
}
console.log(broken === 0 ? 'all promises were kept' : `${broken} runs broke a promise`)
process.exit(broken === 0 ? 0 : 1)

async function run(name: string, seed: number): Promise<void> {
  const again = `npm run chaos -- ${name} --seconds ${values.seconds} --seed ${seed}`
  console.log(`${name}: ${again}`)
  const ground = await grounds[name]!.start()
  try {
    if (values.list) {
      console.log(Object.keys(ground.faults).join('\n'))
      return
    }
    const begin = Date.now()
    const { faults, broadcasts, acknowledged, harm } = await chaos(ground, {
      seed,
      seconds: Number(values.seconds),
      shows: Number(values.shows),
      followers: Number(values.followers),
      atOnce: Number(values['at-once']),
      faults: values.faults?.split(',') ?? [],
      onNews: (line) => console.log(`  ${((Date.now() - begin) / 1000).toFixed(1).padStart(6)} s  ${name}: ${line}`),
    })
    console.log(`  ${name}: ${acknowledged} of ${broadcasts} broadcasts acknowledged; ${JSON.stringify(harm)}`)
    for (const fault of faults) console.log(`  BROKEN ${name}: ${fault}`)
    if (faults.length > 0) broken++
  } finally {
    await ground.stop()
  }
}

function read() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        seconds: { type: 'string', default: '15' },
        seed: { type: 'string' },
        rounds: { type: 'string', default: '1' },
        shows: { type: 'string', default: '3' },
        followers: { type: 'string', default: '4' },
        'at-once': { type: 'string', default: '1' },
        faults: { type: 'string' },
        together: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    return exit(2, `${(error as Error).message}\n\n${USAGE}`)
  }
}

function exit(code: number, message: string): never {
  console.error(message)
  process.exit(code)
}
