/** A server to be measured. One more is one more entry here: the runner knows nothing else about any of them. */
export interface ServerEntry {
  readonly name: string
  /** The name in the report. */
  readonly title: string
  /** From the repository's root. A `.cc` is compiled, all else runs on this Node. It listens at HOST and PORT. */
  readonly program: string
  /**
   * What serves is not this Node, but a process that it starts, and whose id it writes: `server <pid>`; and where that one
   * has another work for it whose CPU time is to be told apart: `beside <pid>`.
   */
  readonly serves?: 'by another process'
  /** What its listeners can, by the word of their first message: `can` in PROTOCOL.md. */
  readonly can?: string
  /** The dialect that the load generator speaks to it. */
  readonly mode: 'rtb' | 'sio'
  /** Where it takes WebSocket upgrades. */
  readonly path: string
  /** The listeners' own, where it differs: `*` stands for the room's uuid. */
  readonly listenerPath?: string
  readonly env: Readonly<Record<string, string>>
  /** Node's own flags. */
  readonly flags?: readonly string[]
}

export const subject = 'roomcast'

/** What is measured is how much a server can do, not what it lets one room have. */
export const unbounded = { BROADCAST_RATE: '10000000', BROADCAST_BYTES: '68719476736' }

/** As `npm start` starts it; the state of the late joins is more than its default limit. */
export const roomcast = {
  program: 'src/node/start.mjs',
  mode: 'rtb',
  path: '/broadcasting',
  flags: ['--max-semi-space-size=4'],
} as const

export const servers: readonly ServerEntry[] = [
  { ...roomcast, name: subject, title: 'roomcast', env: { ...unbounded, LOG: 'memory', STATE_BYTES: '8388608' } },
  {
    ...roomcast,
    name: 'sqlite',
    title: 'roomcast, SQLite',
    env: { ...unbounded, LOG: 'sqlite', STATE_BYTES: '8388608' },
  },
  {
    ...roomcast,
    name: 'redis',
    title: 'roomcast, Redis',
    program: 'test/bench/servers/redis.ts',
    serves: 'by another process',
    env: {},
  },
  {
    name: 'workers',
    title: 'workerd',
    program: 'test/bench/servers/workers.ts',
    serves: 'by another process',
    mode: 'rtb',
    path: '/broadcasting',
    env: {},
  },
  {
    name: 'workers-lines',
    title: 'workerd, lines',
    program: 'test/bench/servers/workers.ts',
    serves: 'by another process',
    can: 'lines',
    mode: 'rtb',
    path: '/broadcasting',
    listenerPath: '/rooms/*/socket',
    env: {},
  },
  {
    name: 'plain-ws',
    title: 'plain ws',
    program: 'test/bench/servers/plain-ws.ts',
    mode: 'rtb',
    path: '/broadcasting',
    env: {},
  },
  {
    name: 'bare-hono',
    title: 'bare Hono',
    program: 'test/bench/servers/bare-hono.ts',
    mode: 'rtb',
    path: '/broadcasting',
    env: {},
    flags: roomcast.flags,
  },
  {
    name: 'socket-io',
    title: 'Socket.IO',
    program: 'test/bench/servers/socket-io.ts',
    mode: 'sio',
    path: '/socket.io/?EIO=4&transport=websocket',
    env: {},
  },
  {
    name: 'prototype',
    title: 'prototype',
    program: 'test/bench/servers/prototype.ts',
    mode: 'rtb',
    path: '/broadcasting',
    env: {},
  },
  {
    name: 'floor',
    title: 'floor (C++)',
    program: 'test/bench/servers/floor.cc',
    mode: 'rtb',
    path: '/broadcasting',
    env: {},
  },
]
