import { until } from '../support/events.ts'
import { Random } from '../support/random.ts'
import { type Ground, seconds, sleep } from './ground.ts'
import { Show } from './show.ts'

export interface ChaosOptions {
  /** Decides which faults happen, and how the shows go. What the machine does meanwhile is not in it. */
  readonly seed: number
  /** For how long faults happen. */
  readonly seconds: number
  readonly shows: number
  /** Of each show, at the start. */
  readonly followers: number
  /** Only these faults; all, where there are none. */
  readonly faults: readonly string[]
  /** How many faults happen at one time, at most. */
  readonly atOnce: number
  readonly onNews: (line: string) => void
}

/** Milliseconds in which every server has to be ready again. */
const READY_WITHIN = 20_000

/** Seconds that a room may last longer than its grace time: the longest fault, the time until a silent server is missed. */
const PATIENCE = 40

/** What happened, and every promise that was broken. */
export interface Outcome {
  readonly faults: readonly string[]
  readonly broadcasts: number
  readonly acknowledged: number
  /** How often each fault happened. */
  readonly harm: Readonly<Record<string, number>>
}

export async function chaos(ground: Ground, options: ChaosOptions): Promise<Outcome> {
  const { shows: count, followers, onNews } = options
  const { url, silence } = ground
  let streams = 0
  /** Random numbers of its own for each thing that goes on, so that none depends on when the others ask. */
  const stream = () => new Random(options.seed + 7919 * streams++)
  const start = (random: Random, listeners: number) =>
    Show.start({ random, url, followers: listeners, ...(silence !== undefined && { silence }) }).catch(() => undefined)
  const shows = (await Promise.all(Array.from({ length: count }, () => start(stream(), followers)))).filter(
    (show) => show !== undefined,
  )
  if (shows.length < count) throw new Error('a show could not start before any fault')
  const over: { readonly show: Show; readonly by: number }[] = []
  const faults: string[] = []
  const harm: Record<string, number> = {}
  const end = Date.now() + 1000 * options.seconds
  const isOn = () => Date.now() < end

  const unknown = options.faults.filter((name) => !(name in ground.faults))
  if (unknown.length > 0) throw new Error(`there is no fault ${unknown.join(', ')} here; --list names them`)
  const names = options.faults.length > 0 ? options.faults : Object.keys(ground.faults)

  async function harmAgain(random: Random): Promise<void> {
    while (isOn()) {
      await sleep(seconds(random, 0.2, 2))
      if (!isOn()) return
      const name = random.pick(names)
      onNews(name)
      harm[name] = (harm[name] ?? 0) + 1
      await ground.faults[name]!(random).catch((error) => faults.push(`${name}: the fault itself failed: ${error}`))
    }
  }

  async function takeOverNowAndThen(random: Random): Promise<void> {
    while (isOn()) {
      await sleep(seconds(random, 1, 5))
      if (isOn()) await random.pick(shows).takeOver()
    }
  }

  async function endShowsNowAndThen(random: Random): Promise<void> {
    while (isOn()) {
      await sleep(seconds(random, 0, 1.5))
      const show = isOn() ? await start(stream(), 1) : undefined
      if (show === undefined) continue
      await sleep(seconds(random, 0, 1.5))
      if (random.chance(0.5)) await show.abandon()
      else await Promise.race([show.close(), sleep(READY_WITHIN / 1000)])
      over.push({ show, by: Date.now() + 1000 * (ground.grace + PATIENCE) })
    }
  }

  async function checkHealth(): Promise<void> {
    const isReady = async (address: string) => (await fetch(`${address}/health`)).ok
    await Promise.all(
      ground.addresses.map((address) =>
        until(() => isReady(address), READY_WITHIN).catch(async () => {
          faults.push(`${address}/health: ${await (await fetch(`${address}/health`)).text()}`)
        }),
      ),
    )
  }

  await Promise.all([
    ...Array.from({ length: options.atOnce }, () => harmAgain(stream())),
    takeOverNowAndThen(stream()),
    endShowsNowAndThen(stream()),
    endShowsNowAndThen(stream()),
  ])
  onNews('all is calm')
  await Promise.all(shows.map((show) => show.check(ground.addresses)))
  await checkHealth()
  await Promise.all(over.map(({ show, by }) => show.untilOver(Math.max(5000, by - Date.now()))))
  const uuids = shows.map(({ uuid }) => uuid)
  await until(async () => (await ground.leftovers(uuids)).length === 0, READY_WITHIN).catch(async () => {
    faults.push(`left of rooms that are over: ${(await ground.leftovers(uuids)).slice(0, 10)}`)
  })
  for (const { show } of over) show.leave()
  // A server that nobody needs any more is well, too.
  await Promise.all(shows.map((show) => Promise.race([show.close(), sleep(READY_WITHIN / 1000)])))
  for (const show of shows) show.leave()
  await checkHealth()
  const all = [...shows, ...over.map(({ show }) => show)]
  return {
    faults: [...faults, ...all.flatMap((show) => show.faults), ...ground.accidents()],
    broadcasts: all.reduce((sum, { broadcasts }) => sum + broadcasts, 0),
    acknowledged: all.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
    harm,
  }
}
