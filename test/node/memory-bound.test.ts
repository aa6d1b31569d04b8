import { expect, test } from 'vitest'
import { Child } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'
import { message, openRoom, say, TestSocket } from '../support/socket.ts'

const MEBIBYTE = 1024 * 1024

test.each([
  ['memory', 'memory'],
  ['storage', 'sqlite'],
])(
  '[B2] [O1] [R3] over the bound on %s a client is told, and the server lives',
  async (of, log) => {
    const bound = of === 'memory' ? { MEMORY_BYTES: String(16 * MEBIBYTE) } : { DISK_BYTES: String(16 * MEBIBYTE) }
    const folder = temporaryFolder()
    const child = new Child(process.execPath, ['--max-old-space-size=128', 'src/node/start.mjs'], {
      LOG: log,
      ...bound,
      DATA_DIR: folder.path,
    })
    try {
      const url = await child.url()
      const owners: TestSocket[] = []
      let refusal: unknown
      for (let rooms = 0; rooms < 40 && refusal === undefined; rooms++) {
        const { owner, uuid, welcome } = await openRoom(url)
        if (welcome.status.value === 0) {
          refusal = welcome.event
          break
        }
        owners.push(owner)
        for (let n = 0; n < 15; n++) {
          owner.send(say(uuid, 'page', ['x'.repeat(60_000)], { stateMessage: true, stateKey: `${n}`, id: `${n}` }))
          const answer = await owner.next(({ event }) => event?.type === 'ack' || event?.type === 'error')
          if (answer.event!.type === 'ack') continue
          expect(answer).toMatchObject({ event: { code: 'state_full', limit: 16 * MEBIBYTE, retryAfter: 5000 } })
          break
        }
      }
      expect(refusal).toMatchObject({ code: 'server_full', limit: 16 * MEBIBYTE, retryAfter: 5000 })
      expect(owners.length).toBeGreaterThan(3)
      const last = await TestSocket.connect(`${url}/broadcasting`)
      last.send(message(1))
      expect(await last.next()).toMatchObject({ status: { value: 0 } })
      const { memoryHeld } = (await (await fetch(`${url}/health`)).json()) as { memoryHeld: number }
      expect(memoryHeld).toBeGreaterThan(MEBIBYTE)
      expect(child.isRunning).toBe(true)
    } finally {
      await child.kill()
      folder.remove()
    }
  },
  60_000,
)
