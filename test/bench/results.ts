import type { Figures, Generated } from './generate.ts'
import type { Measurement } from './measure.ts'
import { subject } from './servers.ts'

export interface Metric {
  readonly figure: keyof Figures
  readonly title: string
  readonly digits: number
}

export const metrics = {
  'fan-out': [
    { figure: 'deliveries_per_s', title: 'deliveries/s', digits: 0 },
    { figure: 'cpu_us_per_delivery', title: 'CPU µs/delivery', digits: 2 },
    { figure: 'p50_ms', title: 'p50 ms', digits: 1 },
    { figure: 'p99_ms', title: 'p99 ms', digits: 1 },
  ],
  joins: [
    { figure: 'joins_per_s', title: 'joins/s', digits: 0 },
    { figure: 'join_cpu_us', title: 'CPU µs/join', digits: 0 },
    { figure: 'kb_per_conn', title: 'KB/idle listener', digits: 1 },
  ],
} as const satisfies Record<string, readonly Metric[]>

/** The middle one, or the mean of the two in the middle; undefined when there is none. */
export function median(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export interface Ratio {
  readonly median: number
  readonly lowest: number
  readonly highest: number
  readonly rounds: number
}

type Measured = Measurement & Generated

/** Rounds to draw a figure from. */
interface Rounds {
  /** For each round the measurements of the servers that were asked for, in that order. */
  readonly rounds: readonly (readonly Measured[])[]
  /** All rounds were disturbed, so these are too. */
  readonly disturbed: boolean
}

/** The share of waiting for a core from which on a measurement says more about the machine than about the server. */
const disturbedShare = 0.1

export function isDisturbed({ waited }: Measurement): boolean {
  return waited !== undefined && Math.max(waited.server, waited.generator) > disturbedShare
}

/** The measurements of a run, and the questions that the report and the targets ask of them. */
export class Results {
  readonly measurements: readonly Measurement[]

  constructor(measurements: readonly Measurement[]) {
    this.measurements = measurements
  }

  of(load: string, server: string): readonly Measurement[] {
    return this.measurements.filter((measurement) => measurement.load === load && measurement.server === server)
  }

  /** The rounds that measured all of the servers undisturbed; where there is none, those that measured them at all. */
  rounds(load: string, ...names: readonly string[]): Rounds {
    const numbers = new Set(this.measurements.map(({ round }) => round))
    const complete = [...numbers].flatMap((round) => {
      const found = names.flatMap(
        (name) => this.of(load, name).find((measurement) => measurement.round === round) ?? [],
      )
      const measured = found.filter((measurement): measurement is Measured => measurement.figures !== undefined)
      return measured.length === names.length ? [measured] : []
    })
    const quiet = complete.filter((round) => !round.some(isDisturbed))
    return quiet.length > 0 ? { rounds: quiet, disturbed: false } : { rounds: complete, disturbed: complete.length > 0 }
  }

  median(load: string, server: string, value: (measured: Measured) => number): number | undefined {
    return median(this.rounds(load, server).rounds.map(([measured]) => value(measured!)))
  }

  /** The sum over all rounds, disturbed or not: what must be 0 must always be. Undefined when nothing was measured. */
  total(load: string, server: string, figure: keyof Figures): number | undefined {
    const figures = this.of(load, server).flatMap((measurement) => measurement.figures?.[figure] ?? [])
    return figures.length === 0 ? undefined : figures.reduce((sum, value) => sum + value, 0)
  }

  /**
   * The figure of one server, the subject unless said, divided by the peer's. Each round is divided by itself, and the median is of the quotients: a
   * bad minute of the machine then weighs on both sides. So it need not be the quotient of the two medians.
   */
  ratio(load: string, peer: string, figure: keyof Figures, server = subject): Ratio | undefined {
    const pairs = this.rounds(load, server, peer).rounds
    const quotients = pairs.map(([own, other]) => own!.figures[figure] / other!.figures[figure]).filter(Number.isFinite)
    const middle = median(quotients)
    if (middle === undefined) return undefined
    return {
      median: middle,
      lowest: Math.min(...quotients),
      highest: Math.max(...quotients),
      rounds: quotients.length,
    }
  }

  /** The worst that the probe said in any round of how the event loop was held; undefined where none was probed. */
  worstHeld(load: string, server: string, which: HeldFigure): number | undefined {
    const values = this.rounds(load, server).rounds.flatMap(([measured]) => heldFigures[which](measured!) ?? [])
    return values.length === 0 ? undefined : Math.max(...values)
  }
}

const heldFigures = {
  broadcasting: (measured: Measured) => measured.heldBroadcasting?.maxMs,
  broadcastingP99: (measured: Measured) => measured.heldBroadcasting?.p99Ms,
  joining: (measured: Measured) => measured.heldJoining?.maxMs,
}

type HeldFigure = keyof typeof heldFigures
