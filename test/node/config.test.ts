import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { totalmem } from 'node:os'
import { delimiter, join } from 'node:path'
import { getHeapStatistics } from 'node:v8'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readConfig } from '../../src/node/config.ts'
import { Child } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'

describe('readConfig', () => {
  test('nothing need be set', () => {
    expect(readConfig({})).toMatchObject({
      port: 8080,
      host: '0.0.0.0',
      publicUrls: [],
      allowedOrigins: [],
      requireOrigin: false,
      log: 'sqlite',
      maxRooms: 10_000,
      maxConnections: 50_000,
      writeDeadline: 30_000,
      pingInterval: 30_000,
      limits: {
        messageBytes: 65_536,
        stateBytes: 1_048_576,
        stateEntries: 10_000,
        tailBytes: 1_048_576,
        tailEntries: 4096,
        listeners: 20_000,
        grace: 120_000,
        handshake: 10_000,
        feedbackRate: 20,
        feedbackBytes: 65_536,
        broadcastRate: 2000,
        broadcastBytes: 4_194_304,
      },
    })
  })

  test('[B2] where nobody has said, rooms may hold half of the machine at most, and no more than goes into the heap', () => {
    const { memoryBytes, diskBytes } = readConfig({})
    expect(memoryBytes).toBeGreaterThan(16 * 1024 * 1024)
    expect(memoryBytes).toBeLessThanOrEqual(totalmem() / 2)
    expect(memoryBytes).toBeLessThan(getHeapStatistics().heap_size_limit)
    expect(diskBytes).toBe(10 * 1024 ** 3)
    expect(() => readConfig({ MEMORY_BYTES: '1000', DISK_BYTES: 'all' })).toThrow(/MEMORY_BYTES.*\nDISK_BYTES/)
  })

  test('what is set is what is used, in the units of the server', () => {
    const env = {
      PORT: '0',
      HOST: '::1',
      PUBLIC_URL: 'https://show.example/, http://show.example:8080',
      ALLOWED_ORIGINS: ' https://a.example ,,http://b.example:8080,https://*.example.org',
      REQUIRE_ORIGIN: 'true',
      LOG: 'memory',
      MAX_ROOMS: '1',
      MAX_LISTENERS: '2',
      MAX_CONNECTIONS: '3',
      MEMORY_BYTES: '16777216',
      DISK_BYTES: '16777217',
      MESSAGE_BYTES: '512',
      STATE_BYTES: '1024',
      STATE_ENTRIES: '5',
      TAIL_BYTES: '1048576',
      TAIL_ENTRIES: '512',
      GRACE_SECONDS: '6',
      HANDSHAKE_SECONDS: '7',
      WRITE_DEADLINE_SECONDS: '8',
      PING_SECONDS: '9',
      FEEDBACK_RATE: '10',
      FEEDBACK_BYTES: '1000',
      BROADCAST_RATE: '11',
      BROADCAST_BYTES: '1001',
      UNHEARD_OF: 'x',
    }
    expect(readConfig(env)).toMatchObject({
      port: 0,
      host: '::1',
      publicUrls: ['https://show.example', 'http://show.example:8080'],
      allowedOrigins: ['https://a.example', 'http://b.example:8080', 'https://*.example.org'],
      requireOrigin: true,
      log: 'memory',
      maxRooms: 1,
      maxConnections: 3,
      memoryBytes: 16_777_216,
      diskBytes: 16_777_217,
      writeDeadline: 8000,
      pingInterval: 9000,
      limits: {
        messageBytes: 512,
        stateBytes: 1024,
        stateEntries: 5,
        tailBytes: 1_048_576,
        tailEntries: 512,
        listeners: 2,
        grace: 6000,
        handshake: 7000,
        feedbackRate: 10,
        feedbackBytes: 1000,
        broadcastRate: 11,
        broadcastBytes: 1001,
      },
    })
  })

  const NUMBERS = [
    ...['PORT', 'MAX_ROOMS', 'MAX_LISTENERS', 'MAX_CONNECTIONS', 'MESSAGE_BYTES', 'STATE_BYTES', 'STATE_ENTRIES'],
    ...['TAIL_BYTES', 'TAIL_ENTRIES', 'GRACE_SECONDS', 'HANDSHAKE_SECONDS', 'WRITE_DEADLINE_SECONDS', 'PING_SECONDS'],
    ...['FEEDBACK_RATE', 'FEEDBACK_BYTES', 'BROADCAST_RATE', 'BROADCAST_BYTES'],
  ]
  const WRONG = [
    ...NUMBERS.flatMap((name) =>
      [
        'nonsense',
        '',
        ' ',
        '-1',
        '1.5',
        '1e3',
        '0x10',
        '10 s',
        '99999999999999',
        ...(name === 'PORT' ? [] : ['0']),
      ].map((value) => [name, value]),
    ),
    ['PORT', '65536'],
    ['MESSAGE_BYTES', '511'],
    ['TAIL_BYTES', '1048575'],
    ['TAIL_ENTRIES', '511'],
    ['HOST', ''],
    ...['yes', '1', 'TRUE', ''].map((value) => ['REQUIRE_ORIGIN', value]),
    ...['disk', ''].map((value) => ['LOG', value]),
    ...['a.example', 'https://a.example/', 'https://a.example/path', 'https://a.example, b', 'null'].map((value) => [
      'ALLOWED_ORIGINS',
      value,
    ]),
    ...[
      '*.example.org',
      'https://*',
      'https://*.',
      'https://a.*.example',
      'https://a*.example',
      'https://*.example.*',
    ].map((value) => ['ALLOWED_ORIGINS', value]),
    ...[
      'https://*.*.example',
      '**',
      'https://*.example/',
      'https://*.127.0.0.1',
      '*://a.example',
      'https://a.example:*',
    ].map((value) => ['ALLOWED_ORIGINS', value]),
    ...[
      'show.example',
      '*',
      'https://*.example',
      'https://show.example/path',
      'https://show.example?',
      'ws://show.example',
    ].map((value) => ['PUBLIC_URL', value]),
    ['DATA_DIR', ''],
    ['SYNCHRONOUS', 'off'],
  ] as [name: string, value: string][]

  test.each(WRONG)('%s=%j is refused by name', (name, value) => {
    const lines = messageOf({ [name]: value }).split('\n')
    expect(lines.length).toBeGreaterThan(0)
    for (const line of lines) expect(line).toMatch(new RegExp(`^${name}\\b.* must (not )?be `))
  })

  test('all that is wrong is named, a line each', () => {
    const message = messageOf({ PORT: 'x', HOST: '', GRACE_SECONDS: '0', MAX_ROOMS: '7' })
    expect(message.split('\n').map((line) => line.split(' ')[0])).toEqual(['PORT', 'HOST', 'GRACE_SECONDS'])
  })

  function messageOf(env: Record<string, string>): string {
    try {
      readConfig(env)
    } catch (error) {
      return (error as Error).message
    }
    throw new Error('it was taken')
  }
})

describe('a server that cannot start exits with 1 and says why', () => {
  /** Its exit code, and all it wrote. */
  async function outcome(
    command: string,
    env: Record<string, string>,
  ): Promise<{ code: number | null; output: string }> {
    const child = new Child(command, ['src/node/start.mjs'], env)
    onTestFinished(() => child.kill())
    const { code } = await child.exit
    return { code, output: child.output }
  }

  test('PORT=nonsense', async () => {
    const { code, output } = await outcome(process.execPath, { PORT: 'nonsense' })
    expect(code).toBe(1)
    expect(output).toMatch(/^PORT must be a whole number$/m)
    expect(output).not.toMatch(/^ +at /m)
  })

  test('a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const { code, output } = await outcome(process.execPath, { PORT: String(port) })
    expect(code).toBe(1)
    expect(output).toMatch(new RegExp(`in use.*${port}`))
    expect(output).not.toMatch(/^ +at /m)
  })

  test('a folder for the rooms that cannot be', async () => {
    const { code, output } = await outcome(process.execPath, {
      LOG: 'sqlite',
      DATA_DIR: join(process.execPath, 'data'),
    })
    expect(code).toBe(1)
    expect(output).toContain(join(process.execPath, 'data'))
    expect(output).not.toMatch(/^ +at /m)
  })

  test('a folder that cannot be made is no matter to who keeps no rooms', async () => {
    const folder = temporaryFolder()
    onTestFinished(folder.remove)
    const data = join(folder.path, 'data')
    const child = new Child(process.execPath, ['src/node/start.mjs'], { LOG: 'memory', DATA_DIR: data })
    onTestFinished(() => child.kill())
    await child.url()
    expect(existsSync(data)).toBe(false)
  })

  const old = oldNode()
  test.skipIf(old === undefined)(
    `a Node that is too old: ${old ?? 'none is installed here; OLD_NODE may name one'}`,
    async () => {
      const { code, output } = await outcome(old!, {})
      expect(code).toBe(1)
      expect(output).toMatch(/needs Node 24 or newer, and this is \d+\.\d+\.\d+/)
      expect(output).toContain('npm ci && npm start')
      expect(output).not.toMatch(/^ +at /m)
    },
  )

  /** A Node before 24 that is none of this project's own. */
  function oldNode(): string | undefined {
    const folders = ['/usr/bin', ...(process.env.PATH ?? '').split(delimiter)]
    const candidates = folders
      .filter((folder) => !folder.includes('node_modules'))
      .map((folder) => join(folder, 'node'))
    return [process.env.OLD_NODE ?? '', ...candidates].find((node) => {
      if (!existsSync(node)) return false
      const version = execFileSync(node, ['--version'], { encoding: 'utf8' })
      return Number(/^v(\d+)/.exec(version)?.[1]) < 24
    })
  }
})
