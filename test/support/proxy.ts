import { once } from 'node:events'
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net'
import { Transform } from 'node:stream'

/** A TCP line to a server, or to one of several, that can be long, cut and taken away. */
export class TcpProxy {
  readonly url: string
  readonly #pairs: Set<[Socket, Socket]>
  readonly #server: ReturnType<typeof createServer>
  #target: () => number
  isDown = false
  /** The next that the server says with this in it is lost, together with the connection. */
  loses: string | undefined
  /** Milliseconds that what comes from now on takes to the other side, each way. */
  delay = 0

  private constructor(server: ReturnType<typeof createServer>, pairs: Set<[Socket, Socket]>, target: () => number) {
    this.#server = server
    this.#pairs = pairs
    this.#target = target
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** `target`: a port, or what says it for each new connection. */
  static async to(target: number | (() => number)): Promise<TcpProxy> {
    const pairs = new Set<[Socket, Socket]>()
    const server = createServer((inner) => {
      if (proxy.isDown) {
        inner.destroy()
        return
      }
      const outer = dial(proxy.#target(), '127.0.0.1')
      const pair: [Socket, Socket] = [inner, outer]
      pairs.add(pair)
      for (const [one, other] of [pair, [outer, inner]] as const) {
        one.on('error', () => {})
        one.on('close', () => {
          pairs.delete(pair)
          if (proxy.delay === 0) other.destroy()
          else setTimeout(() => other.destroy(), proxy.delay)
        })
      }
      const late = () => proxy.delay
      inner.pipe(delayed(late)).pipe(outer)
      outer.pipe(delayed(late)).pipe(inner)
      outer.prependListener('data', (data) => {
        if (proxy.loses === undefined || !data.includes(proxy.loses)) return
        proxy.loses = undefined
        inner.destroy()
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = new TcpProxy(server, pairs, typeof target === 'function' ? target : () => target)
    return proxy
  }

  /** The connections of now are gone; new ones are let through unless it is down. */
  cut(): void {
    for (const [inner, outer] of this.#pairs) {
      inner.destroy()
      outer.destroy()
    }
  }

  /** No connection holds, and none is let through until `isDown` is false again. */
  down(): void {
    this.isDown = true
    this.cut()
  }

  /** From now on it leads to another server; the connections of before are gone. */
  retarget(port: number): void {
    this.#target = () => port
    this.cut()
  }

  async close(): Promise<void> {
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** Hands on what comes in, so many milliseconds later. */
function delayed(by: () => number): Transform {
  return new Transform({
    transform(chunk, _, done) {
      const ms = by()
      if (ms === 0) return done(null, chunk)
      setTimeout(() => this.push(chunk), ms)
      done()
    },
    // What was said before the end is still under way.
    flush(done) {
      setTimeout(done, by())
    },
  })
}
