import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { PING } from '../../src/protocol/routes.ts'
import { Bystander } from '../support/bystander.ts'
import { type Child, startChildServer } from '../support/child.ts'
import { until } from '../support/events.ts'
import { clientFrame, OPCODE, repeated } from '../support/frames.ts'
import { joinRoom, openRoom, say, type TestSocket } from '../support/socket.ts'

const MEBIBYTE = 1024 * 1024

/** Milliseconds of each flood. */
const FLOOD = 2000

/** What the system itself takes from a client beside what the server reads. */
const BUFFERS = 12 * MEBIBYTE

let server: Child & { address: string }
let bystander: Bystander

beforeAll(async () => {
  server = await startChildServer()
  bystander = await Bystander.enter(server.address)
})

afterAll(() => server.kill())

/** Writes `block` without end, as fast as it is taken; resolves with the bytes that were. */
async function flood({ tcp }: TestSocket, block: Buffer): Promise<number> {
  const before = tcp.bytesWritten - tcp.writableLength
  const end = performance.now() + FLOOD
  while (performance.now() < end && !tcp.destroyed) {
    if (tcp.writableLength < 2 * MEBIBYTE) tcp.write(block)
    await pause(1)
  }
  return tcp.bytesWritten - tcp.writableLength - before
}

const text = (request: object) => clientFrame(OPCODE.text, JSON.stringify(request))

describe('[B4] who sends without end is read as much as it may say', () => {
  test('[C6] an owner', async () => {
    const { owner, uuid } = await openRoom(server.address)
    onTestFinished(() => owner.close())
    const taken = await flood(owner, repeated(text(say(uuid, 'n', ['x'.repeat(10_000)])), MEBIBYTE))
    // A second's worth at once, and what may be refused: at most three times the rate for a while.
    expect(taken).toBeLessThan(BUFFERS + 36 * MEBIBYTE)
    expect(owner.tcp.destroyed).toBe(false)
    await bystander.isUndisturbed()
  })

  test.each([
    ['asks whether the line holds', clientFrame(OPCODE.text, PING)],
    ['sends pings', clientFrame(OPCODE.ping, 'x'.repeat(100))],
    ['sends answers that nobody asked for', clientFrame(OPCODE.pong, 'x'.repeat(100))],
  ])('a listener that %s', async (_, one) => {
    const { owner, uuid } = await openRoom(server.address)
    const { listener } = await joinRoom(server.address, uuid)
    onTestFinished(() => {
      listener.close()
      owner.close()
    })
    let pongs = 0
    listener.ws.on('pong', () => pongs++)
    const taken = await flood(listener, repeated(one, MEBIBYTE))
    expect(taken).toBeLessThan(BUFFERS)
    expect(listener.tcp.destroyed).toBe(false)
    const answers = pongs + listener.received.filter(({ event }) => event?.type === 'pong').length
    expect(answers).toBeLessThan(1000)
    await bystander.isUndisturbed()
  })
})

describe('[C7] an owner whose listeners say more than it takes', () => {
  test('is read all the while, and told how much was dropped', async () => {
    const { owner, uuid } = await openRoom(server.address)
    const listeners = await Promise.all(Array.from({ length: 40 }, () => joinRoom(server.address, uuid)))
    onTestFinished(() => {
      for (const { listener } of listeners) listener.close()
      owner.close()
    })
    owner.ws.pause()
    const clap = say(uuid, 'clap', ['x'.repeat(60_000)])
    for (const { listener } of listeners) {
      // However slow the machine is: until more has come than is taken in that time.
      await until(() => {
        listener.send(clap)
        return listener.received.some(({ event }) => event?.type === 'error' && event.code === 'rate_limited')
      })
    }
    // Its line is full, and what it says is heard.
    for (let n = 1; n <= 20; n++) {
      owner.send(say(uuid, 'slide', [n], { id: `${n}` }))
      for (const { listener } of listeners) await listener.nextBroadcast()
    }
    owner.ws.resume()
    for (let n = 1; n <= 20; n++) expect((await owner.nextEvent('ack')).event).toMatchObject({ id: `${n}` })
    // Among those or after them: its line had room again at some time.
    const dropped = () => owner.received.flatMap(({ event }) => (event?.type === 'feedback_dropped' ? event.count : []))
    await until(() => dropped().length > 0, 15_000)
    expect(dropped()[0]).toBeGreaterThan(0)
  })
})
