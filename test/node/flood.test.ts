import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { PING } from '../../src/protocol/routes.ts'
import { Bystander } from '../support/bystander.ts'
import { type Child, startChildServer } from '../support/child.ts'
import { clientFrame, OPCODE, repeated } from '../support/frames.ts'
import { message, openRoom, say, TestSocket } from '../support/socket.ts'

const MEBIBYTE = 1024 * 1024

/** Answers to all of it would be several times as much. */
const FLOOD = 20 * MEBIBYTE
const BEARABLE = 18 * MEBIBYTE

let server: Child & { address: string }
let bystander: Bystander

beforeAll(async () => {
  server = await startChildServer()
  bystander = await Bystander.enter(server.address)
})

afterAll(() => server.kill())

describe('[B2] [R6] who speaks without end and never reads is cut off, or not listened to', () => {
  const text = (request: object) => clientFrame(OPCODE.text, JSON.stringify(request))

  test.each<[string, 'new' | 'in', (uuid: string) => Buffer]>([
    ['asks whether the line holds, before joining', 'new', () => clientFrame(OPCODE.text, PING)],
    ['asks whether the line holds', 'in', () => clientFrame(OPCODE.text, PING)],
    ['pings', 'in', () => clientFrame(OPCODE.ping, 'x'.repeat(125))],
    ['broadcasts before joining', 'new', () => text(say('none', 'x'))],
    ['broadcasts to another room', 'in', () => text(say('none', 'x'))],
    ['opens again and again', 'in', () => text(message(1))],
    ['wants each broadcast acknowledged', 'in', (uuid) => text(say(uuid, 'x', [], { id: 'x' }))],
    ['wants to hear its own broadcasts', 'in', (uuid) => text(say(uuid, 'x', [], { to: 'all' }))],
    ['whispers to itself', 'in', (uuid) => text(say(uuid, 'x', [], { to: 'self' }))],
  ])('%s', async (_, stage, frame) => {
    const room = stage === 'in' ? await openRoom(server.address) : undefined
    const socket = room?.owner ?? (await TestSocket.connect(`${server.address}/broadcasting`))
    onTestFinished(() => socket.close())
    const before = await server.memory()
    socket.ws.pause()
    const block = repeated(frame(room?.uuid ?? ''), MEBIBYTE)
    for (let sent = 0; sent < FLOOD && (await isTaken(socket, block)); sent += block.length);
    expect((await server.memory()) - before).toBeLessThan(BEARABLE)
    await bystander.isUndisturbed()
  })

  /** False when the server does not take it: it has hung up, or has stopped to listen. */
  async function isTaken({ tcp }: TestSocket, block: Buffer): Promise<boolean> {
    if (tcp.destroyed || tcp.write(block)) return !tcp.destroyed
    const over = new AbortController()
    const signal = AbortSignal.any([over.signal, AbortSignal.timeout(300)])
    const isDrained = await Promise.race([once(tcp, 'drain', { signal }), once(tcp, 'close', { signal })]).then(
      () => !tcp.destroyed,
      () => false,
    )
    // Takes the listener of what did not come away.
    over.abort()
    return isDrained
  }
})
