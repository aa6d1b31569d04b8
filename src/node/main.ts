import { networkInterfaces } from 'node:os'
import { type Config, readConfig } from './config.ts'
import { watchFaults } from './faults.ts'
import { type RunningServer, startServer } from './server.ts'

try {
  const config = readConfig(process.env)
  const server = await startServer(config)
  watchFaults(() => server.stop())
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(server))
  console.log(`roomcast ${addresses(config.host, server.port).join('  ')}`)
} catch (error) {
  console.error(`roomcast could not start:\n${error instanceof Error ? error.message : error}`)
  process.exit(1)
}

async function stop(server: RunningServer): Promise<void> {
  await server.stop()
  process.exit(0)
}

/** Where to open it: the machine's own name for itself, then those that others know it by. */
function addresses(host: Config['host'], port: number): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [url(host, port)]
  const others = Object.values(networkInterfaces())
    .flat()
    .filter((address) => address !== undefined && !address.internal && address.family === 'IPv4')
    .map((address) => url(address!.address, port))
  return [url('localhost', port), ...others]
}

function url(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}/`
}
