import type { RoomLimits } from '../../src/room/limits.ts'
import type { RoomLog } from '../../src/room/ports.ts'
import { Cluster } from './cluster.ts'
import type { House } from './doubles.ts'
import type { Random } from './random.ts'
import type { Ground } from './simulation.ts'

/** Several nodes over one log. What goes between them and the log, and between each other, may be held up. */
export class SharedGround implements Ground {
  readonly survives = true
  readonly #names: readonly string[]
  readonly nodes: NonNullable<Ground['nodes']> = {
    replace: (house, watch) => this.#replace(house.house.nodes!.name, watch),
    disturb: (random) => this.#disturb(random),
    calm: () => this.#calm(),
  }
  #cluster: Cluster | undefined

  constructor(names: readonly string[]) {
    this.#names = names
  }

  async start(limits: Partial<RoomLimits>, watch: (log: RoomLog) => RoomLog): Promise<House[]> {
    this.#cluster ??= new Cluster(limits)
    const houses: House[] = []
    for (const name of this.#names) houses.push(await this.#replace(name, watch))
    return houses
  }

  async #replace(name: string, watch: (log: RoomLog) => RoomLog): Promise<House> {
    const cluster = this.#cluster!
    await cluster.lose(name)
    return cluster.start(name, watch(cluster.log.of(name)))
  }

  #disturb(random: Random): void {
    const cluster = this.#cluster!
    const name = random.pick(this.#names)
    const happenings = [
      () => cluster.log.hold(name),
      () => cluster.log.release(name),
      () => cluster.hold(),
      () => cluster.release(),
    ]
    random.pick(happenings)()
  }

  #calm(): void {
    for (const name of this.#names) this.#cluster!.log.release(name)
    this.#cluster!.release()
  }
}
