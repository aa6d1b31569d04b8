import { type ParseArgsConfig, parseArgs } from 'node:util'
import { type LoadEntry, loads } from './loads.ts'
import { type ServerEntry, servers } from './servers.ts'

export interface Options {
  readonly rounds: number
  readonly servers: readonly ServerEntry[]
  readonly loads: readonly LoadEntry[]
  /** How often a disturbed measurement is made again. */
  readonly retries: number
  /** Where the figures go as JSON, if anywhere. */
  readonly json: string | undefined
}

export const usage = `npm run bench -- [options]
  --rounds N      how often all is measured (3)
  --only A,B      only these servers: ${servers.map((server) => server.name).join(', ')}
  --loads A,B     only these loads: ${loads.map((load) => load.name).join(', ')}
  --seconds S     for how long the owner broadcasts in each load of broadcasts
  --retries N     how often a measurement is made again that others on the machine disturbed (0)
  --json FILE     write the figures to a file as well`

/** A mistake on the command line. */
export class UsageError extends Error {}

/** `parseArgs`, with its complaint as a UsageError. */
export function parsed<const T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function pick<Entry extends { name: string }>(entries: readonly Entry[], names: string | undefined): readonly Entry[] {
  if (names === undefined) return entries
  const wanted = names.split(',')
  const unknown = wanted.filter((name) => !entries.some((entry) => entry.name === name))
  if (unknown.length > 0) throw new UsageError(`unknown: ${unknown.join(', ')}`)
  return entries.filter((entry) => wanted.includes(entry.name))
}

export function count(name: string, text: string, least: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < least) {
    throw new UsageError(`--${name} must be a whole number from ${least} on, not ${text}`)
  }
  return value
}

export function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0 && Number.isFinite(value))) throw new UsageError(`--${name} must be a number over 0, not ${text}`)
  return value
}

/** The options of the command line; throws a UsageError. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parsed({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      only: { type: 'string' },
      loads: { type: 'string' },
      seconds: { type: 'string' },
      retries: { type: 'string' },
      json: { type: 'string' },
    },
  })
  const rounds = count('rounds', values.rounds ?? '3', 1)
  const seconds = values.seconds === undefined ? undefined : positive('seconds', values.seconds)
  // The joins load measures its joins: broadcasting longer would only make the run longer.
  const timed = (load: LoadEntry): LoadEntry => (seconds && load.about === 'fan-out' ? { ...load, seconds } : load)
  return {
    rounds,
    servers: pick(servers, values.only),
    loads: pick(loads, values.loads).map(timed),
    retries: count('retries', values.retries ?? '0', 0),
    json: values.json,
  }
}
