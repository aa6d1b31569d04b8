/** What is done to each server. One more load is one more entry here. */
export interface LoadEntry {
  readonly name: string
  readonly title: string
  readonly listeners: number
  /** `window` keeps that many broadcasts under way; else `rate` a second, `burst` at a time. */
  readonly traffic: { readonly window: number } | { readonly rate: number; readonly burst: number }
  /** For how long the owner broadcasts. */
  readonly seconds: number
  /** How much longer a server that is behind may take: then the measurement is cut, and what was seen is reported. */
  readonly drainSeconds: number
  readonly joinsInFlight: number
  /** What the load is about, and so which figures are reported. */
  readonly about: 'fan-out' | 'joins'
  /** State messages that are stored before, which each join then replays. */
  readonly state?: number
  /** The listeners come back, each with the position that it had so many of those messages ago. */
  readonly missed?: number
  /** The servers that it is for, by name. */
  readonly servers: readonly string[]
  /** Measure how long the event loop is held. The probe wakes the process each millisecond: not for idle loads. */
  readonly eventLoop: boolean
}

const onNode = ['roomcast', 'plain-ws', 'socket-io', 'prototype', 'floor']
const everywhere = [...onNode, 'workers', 'workers-lines']

/** Bytes of payload in each broadcast. */
export const payloadSize = 120

export const loads: readonly LoadEntry[] = [
  {
    name: 'steady',
    title: '1,000 listeners, 50 broadcasts/s',
    listeners: 1000,
    traffic: { rate: 50, burst: 1 },
    seconds: 3,
    drainSeconds: 4,
    joinsInFlight: 400,
    about: 'fan-out',
    servers: [...everywhere, 'redis'],
    eventLoop: false,
  },
  {
    name: 'burst',
    title: '1,000 listeners, 500 broadcasts/s in bursts of 10',
    listeners: 1000,
    traffic: { rate: 500, burst: 10 },
    seconds: 3,
    drainSeconds: 4,
    joinsInFlight: 400,
    about: 'fan-out',
    servers: everywhere,
    eventLoop: false,
  },
  {
    name: 'window',
    title: '1,000 listeners, as fast as possible with 8 broadcasts under way',
    listeners: 1000,
    traffic: { window: 8 },
    seconds: 3,
    drainSeconds: 4,
    joinsInFlight: 400,
    about: 'fan-out',
    servers: [...everywhere, 'sqlite', 'redis'],
    eventLoop: true,
  },
  {
    name: 'crowd',
    title: '8,000 listeners, as fast as possible with 8 broadcasts under way',
    listeners: 8000,
    traffic: { window: 8 },
    seconds: 3,
    drainSeconds: 4,
    joinsInFlight: 400,
    about: 'fan-out',
    servers: onNode,
    eventLoop: true,
  },
  {
    name: 'joins',
    title: '10,000 listeners join, 100 at a time',
    listeners: 10000,
    traffic: { rate: 2, burst: 1 },
    seconds: 1,
    drainSeconds: 4,
    joinsInFlight: 100,
    about: 'joins',
    servers: [...onNode, 'bare-hono'],
    eventLoop: false,
  },
  {
    name: 'rejoins',
    title: '10,000 listeners come back with `since`, 100 at a time, and have missed 2 of 100 state messages',
    listeners: 10000,
    traffic: { rate: 2, burst: 1 },
    seconds: 1,
    drainSeconds: 4,
    joinsInFlight: 100,
    about: 'joins',
    state: 100,
    missed: 2,
    servers: ['roomcast', 'sqlite'],
    eventLoop: false,
  },
  ...[0, 100, 10_000].map((state) => ({
    name: `late-${state}`,
    title: `500 listeners join late, with ${state} state messages to replay`,
    listeners: 500,
    traffic: { rate: 2, burst: 1 },
    seconds: 1,
    drainSeconds: 4,
    joinsInFlight: 20,
    about: 'joins' as const,
    state,
    servers: ['roomcast', 'sqlite'],
    eventLoop: false,
  })),
]

/** Whether `load` is to be put on the server of that name. */
export function isFor(load: LoadEntry, server: string): boolean {
  return load.servers.includes(server)
}
