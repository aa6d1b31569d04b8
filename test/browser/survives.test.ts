import { expect, onTestFinished, test } from 'vitest'
import { Child } from '../support/child.ts'
import { temporaryFolder } from '../support/folder.ts'
import { TcpProxy } from '../support/proxy.ts'
import { freePort, startTestServer } from '../support/server.ts'
import { describeInBrowser } from './chromium.ts'
import { allHaveInk, allShow, type Member, PATIENCE } from './pages.ts'

/** Of a page's own, that only a reload takes away. */
async function mark(members: readonly Member[]): Promise<void> {
  for (const { page } of members) await page.evaluate('window.unreloaded = true')
}

async function expectUnreloaded(members: readonly Member[]): Promise<void> {
  for (const { page } of members) expect(await page.evaluate('window.unreloaded')).toBe(true)
}

/** A browser tells of each line that it did not get. Nothing else may be complained of. */
function expectNoComplaints(members: readonly Member[]): void {
  const complaints = members.flatMap((member) => member.complaints)
  expect(complaints.filter((text) => !text.startsWith('WebSocket connection to '))).toEqual([])
}

/** The presenter's key is in its tab and in what it says to the server, and nowhere else. */
async function expectSecretKey(presenter: Member, audience: readonly Member[]): Promise<void> {
  const { ownerKey } = await presenter.page.evaluate<{ ownerKey: string }>(
    `JSON.parse(sessionStorage.getItem('roomcast.held'))`,
  )
  expect(presenter.heard.some((text) => text.includes(ownerKey))).toBe(true)
  const addresses = [presenter, ...audience].flatMap((member) => member.addresses)
  expect(addresses.some((address) => address.startsWith('ws:'))).toBe(true)
  expect(addresses.filter((address) => address.includes(ownerKey))).toEqual([])
  const written = (storages: string) => presenter.page.evaluate(`JSON.stringify([${storages}, document.cookie])`)
  expect(await written('localStorage')).not.toContain(ownerKey)
  expect(await presenter.page.content()).not.toContain(ownerKey)
  for (const { page, heard } of audience) {
    const stored = await page.evaluate<string>('JSON.stringify([sessionStorage, localStorage, document.cookie])')
    expect(stored).toBe('[{},{},""]')
    expect(await page.content()).not.toContain(ownerKey)
    expect(heard.length).toBeGreaterThan(0)
    expect(heard.filter((text) => text.includes(ownerKey))).toEqual([])
  }
}

describeInBrowser('a show', (enter) => {
  test('[O2] goes on when its presenter reloads the page', async () => {
    const server = await startTestServer()
    onTestFinished(() => server.stop())
    const [presenter, audience] = [await enter(), await enter()]
    const both = [presenter, audience]
    const link = await presenter.present(server.url)
    await audience.watch(link)
    await mark([audience])
    await presenter.page.keyboard.press('ArrowRight')
    await presenter.part('pen').click()
    await presenter.draw(0.25)
    await presenter.draw(0.75)
    await allShow(both, { slide: 1, strokes: 2 })
    await expectSecretKey(presenter, [audience])

    await presenter.page.reload()
    await allShow(both, { status: 'live', slide: 1, strokes: 2 })
    expect(await presenter.link()).toBe(link)
    await expect.poll(() => presenter.listeners(), PATIENCE).toBe(1)
    await allHaveInk(both, [2, 7])
    await presenter.part('undo').click()
    await allShow(both, { slide: 1, strokes: 1 })
    await allHaveInk(both, [2])
    await presenter.page.keyboard.press('ArrowRight')
    await allShow(both, { slide: 2, strokes: 0 })
    await expectUnreloaded([audience])
    await expectSecretKey(presenter, [audience])
    for (const member of both) expect(member.complaints).toEqual([])
  })

  test('[R5] is taken up by a page that was without a line', async () => {
    const server = await startTestServer()
    onTestFinished(() => server.stop())
    const proxy = await TcpProxy.to(server.port)
    onTestFinished(() => proxy.close())
    const [presenter, audience] = [await enter(), await enter()]
    const both = [presenter, audience]
    const link = await presenter.present(server.url)
    await audience.watch(link.replace(server.url, proxy.url))
    await mark([audience])
    await presenter.part('pen').click()
    await presenter.draw(0.25)
    await allShow(both, { status: 'live', slide: 0, strokes: 1 })

    proxy.down()
    await audience.shows({ status: 'reconnecting' })
    await expect.poll(() => presenter.listeners(), PATIENCE).toBe(0)
    await presenter.page.keyboard.press('ArrowRight')
    await presenter.draw(0.55)
    await presenter.draw(0.75)
    await presenter.shows({ status: 'live', slide: 1, strokes: 2 })
    await audience.shows({ slide: 0, strokes: 1 })

    proxy.isDown = false
    await allShow(both, { status: 'live', slide: 1, strokes: 2 })
    await allHaveInk(both, [5, 7])
    await expect.poll(() => presenter.listeners(), PATIENCE).toBe(1)
    await presenter.page.keyboard.press('ArrowLeft')
    await allShow(both, { slide: 0, strokes: 1 })
    await expectUnreloaded([audience])
    expectNoComplaints(both)
  })

  test('[O2] [R5] goes on when its server is killed, and started again', async () => {
    const folder = temporaryFolder()
    onTestFinished(() => folder.remove())
    const env = { LOG: 'sqlite', DATA_DIR: folder.path, PORT: String(await freePort()) }
    const startServer = async () => {
      const child = new Child(process.execPath, ['src/node/start.mjs'], env)
      onTestFinished(() => child.kill())
      return { child, url: await child.url() }
    }
    const { child, url } = await startServer()
    const [presenter, audience] = [await enter(), await enter()]
    const both = [presenter, audience]
    const link = await presenter.present(url)
    await audience.watch(link)
    await mark(both)
    await presenter.part('pen').click()
    await presenter.draw(0.25)
    await allShow(both, { status: 'live', slide: 0, strokes: 1 })

    await child.kill()
    await allShow(both, { status: 'reconnecting', slide: 0, strokes: 1 })
    // Said to nobody yet, and shown by nobody else.
    await presenter.page.keyboard.press('ArrowRight')
    await presenter.draw(0.55)
    await presenter.shows({ slide: 1, strokes: 0 })
    await audience.shows({ slide: 0, strokes: 1 })

    await startServer()
    await allShow(both, { status: 'live', slide: 1, strokes: 1 })
    const late = await enter()
    await late.watch(link)
    const all = [...both, late]
    await allShow(all, { status: 'live', slide: 1, strokes: 1 })
    await allHaveInk(all, [5])
    await presenter.page.keyboard.press('ArrowLeft')
    await allShow(all, { slide: 0, strokes: 1 })
    await allHaveInk(all, [2])
    await expectUnreloaded(both)
    await expectSecretKey(presenter, [audience, late])
    expectNoComplaints(all)
  })
})
