import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Child, start, stop } from './children.ts'
import { cores } from './cores.ts'
import { cpuSeconds } from './cpu.ts'
import { type Generated, generate } from './generate.ts'
import type { LoadEntry } from './loads.ts'
import { root } from './paths.ts'
import { freePort, untilAccepting } from './ports.ts'
import type { ServerEntry } from './servers.ts'

/** How long an event loop was held, in milliseconds; see probe/event-loop.ts for what the figures contain. */
export interface Held {
  readonly maxMs: number
  readonly p99Ms: number
}

/** One server under one load in one round. */
export interface Measurement extends Partial<Generated> {
  readonly round: number
  readonly server: string
  readonly load: string
  readonly heldJoining?: Held
  readonly heldBroadcasting?: Held
  /** Seconds of CPU time, while broadcasting, of the process that works for the server. */
  readonly besideCpu?: number
  /** Why there are no figures. */
  readonly failure?: string
}

export interface Bench {
  /** Compiled programs, by their source. */
  readonly compiled: ReadonlyMap<string, string>
  readonly generator: string
  /** For files that nobody needs afterwards. */
  readonly folder: string
}

/** In which a server has to say who serves. */
const startMs = 20_000
const probe = 'test/bench/probe/event-loop.ts'

interface Pids {
  readonly server: number
  readonly beside?: number
}

/** The processes that the server has named in place of itself. */
async function namedPids(server: Child): Promise<Pids> {
  const named = (what: string) => new RegExp(`^${what} (\\d+)$`, 'm').exec(server.stdout())?.[1]
  const end = Date.now() + startMs
  for (; Date.now() < end; await sleep(50)) {
    const [serving, beside] = [named('server'), named('beside')]
    if (serving) return { server: Number(serving), ...(beside && { beside: Number(beside) }) }
  }
  throw new Error(`the server did not say which process serves: ${server.complaint()}`)
}

function startServer(entry: ServerEntry, port: number, bench: Bench, eventLoopFile: string | undefined) {
  const compiled = bench.compiled.get(entry.program)
  const flags = [...(entry.flags ?? []), ...(eventLoopFile ? ['--import', `./${probe}`] : [])]
  return start({
    command: compiled ? [compiled] : [process.execPath, ...flags, join(root, entry.program)],
    core: cores.server,
    env: {
      ...entry.env,
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: `${port}`,
      DATA_DIR: join(bench.folder, randomUUID()),
      TMPDIR: bench.folder,
      ...(eventLoopFile && { EVENT_LOOP_FILE: eventLoopFile }),
    },
  })
}

/** What the probe has written: first of the joining, then of the broadcasting. A loop still held answers later. */
async function readProbe(file: string): Promise<Held[]> {
  let lines: string[] = []
  for (let tries = 0; tries < 40 && lines.length < 2; tries++) {
    if (tries > 0) await sleep(50)
    lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
  }
  return lines.map((line) => JSON.parse(line) as Held)
}

/** Measures one server under one load. It never throws for what the server or the generator does: that is a failure. */
export async function measure(entry: ServerEntry, load: LoadEntry, round: number, bench: Bench): Promise<Measurement> {
  const probed = load.eventLoop && !bench.compiled.has(entry.program) && entry.serves === undefined
  const eventLoopFile = probed ? join(bench.folder, randomUUID()) : undefined
  const about = { round, server: entry.name, load: load.name }
  let server: Child | undefined
  try {
    const port = await freePort()
    server = await startServer(entry, port, bench, eventLoopFile)
    await untilAccepting(server, port)
    const running = server
    const pids: Pids = entry.serves === undefined ? { server: server.pid } : await namedPids(server)
    const besideCpu: number[] = []
    const generated = await generate({
      program: bench.generator,
      entry,
      load,
      port,
      serverPids: [pids.server],
      ...(pids.beside && { besidePid: pids.beside }),
      onPhase: () => {
        if (eventLoopFile) running.kill('SIGUSR2')
        if (pids.beside) besideCpu.push(cpuSeconds(pids.beside))
      },
    })
    const [cpuBefore, cpuAfter] = besideCpu
    const [heldJoining, heldBroadcasting] = eventLoopFile ? await readProbe(eventLoopFile) : []
    return {
      ...about,
      ...generated,
      ...(heldJoining && { heldJoining }),
      ...(heldBroadcasting && { heldBroadcasting }),
      ...(cpuBefore !== undefined && cpuAfter !== undefined && { besideCpu: cpuAfter - cpuBefore }),
    }
  } catch (error) {
    // One line of it: a stack belongs into no table.
    return { ...about, failure: (error as Error).message.replaceAll(/\s+/g, ' ').trim().slice(0, 300) }
  } finally {
    if (server) await stop(server)
  }
}
