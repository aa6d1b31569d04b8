import { expect, onTestFinished, test } from 'vitest'
import { Child } from '../support/child.ts'
import { startTestServer } from '../support/server.ts'

/** A program of a user: what it does not wait for must not end it. */
async function run(program: string): Promise<{ output: string; code: number | null }> {
  const server = await startTestServer()
  onTestFinished(() => server.stop())
  const text = `
    import { follow, present } from './src/sdk/index.ts'
    const url = '${server.url}'
    const refused = []
    const turn = () => new Promise((resolve) => setTimeout(resolve, 50))
    ${program}
    await turn()
    console.log('refused', refused.join(' '))
    process.exit(0)
  `
  const child = new Child(process.execPath, ['--input-type=module', '--eval', text])
  onTestFinished(() => child.kill())
  const { code } = await child.exit
  return { output: child.output, code }
}

test('what is said when the room is over, and not waited for, ends no Node process', async () => {
  const { output, code } = await run(`
    const room = await present(url)
    room.when('problem', ({ code }) => refused.push(code))
    await room.close()
    room.broadcast('a')
    room.state('a')
    room.append('a')
    room.clear('a')
    room.key('k').state('a')
    room.key('k').append('a')
    room.key('k').clear('a')
    room.to('all').broadcast('a')
    room.to(['x']).broadcast('a')
    room.handOver('x')
    room.close()
  `)
  expect(output).toContain(`refused ${Array(10).fill('room_closed').join(' ')}\n`)
  expect(code).toBe(0)
})

test('what a room that was left, or handed over, refuses ends no Node process', async () => {
  const { output, code } = await run(`
    const room = await present(url)
    room.when('problem', ({ code }) => refused.push(code))
    const show = follow(url, room.uuid)
    show.when('problem', ({ code }) => refused.push(code))
    const heir = await new Promise((resolve) => {
      show.when('handover', ({ accept }) => {
        room.when('handedOver', () => resolve(heir))
        const heir = accept()
      })
      room.when('listeners', ({ joined: [first] }) => first && room.handOver(first))
    })
    room.broadcast('a')
    room.close()
    show.feedback('a')
    heir.leave()
    heir.when('problem', ({ code }) => refused.push(code))
    heir.broadcast('a')
    heir.close()
  `)
  expect(output).toContain('refused not_owner not_owner left left left\n')
  expect(code).toBe(0)
})

test('what cannot be said at all ends no Node process', async () => {
  const { output, code } = await run(`
    const room = await present(url)
    room.when('problem', ({ code }) => refused.push(code))
    const show = follow(url, room.uuid)
    show.when('problem', ({ code }) => refused.push(code))
    const cycle = []
    cycle.push(cycle)
    room.broadcast('a', 1n)
    room.state('a', cycle)
    show.feedback('a', 1n)
  `)
  expect(output).toContain('refused bad_message bad_message bad_message\n')
  expect(code).toBe(0)
})

test('a handler that is an async function, and fails, ends no Node process', async () => {
  const { output, code } = await run(`
    const room = await present(url)
    const show = follow(url, room.uuid)
    show.when('problem', ({ code, cause }) => refused.push(code, cause.message))
    const heard = new Promise((resolve) => show.each(async () => {
      resolve()
      throw new Error('mine')
    }))
    await new Promise((resolve) => show.when('status', resolve))
    await room.broadcast('a')
    await heard
  `)
  expect(output).toContain('refused handler_failed mine\n')
  expect(code).toBe(0)
})
