import { expect, onTestFinished, test } from 'vitest'
import { type Show, strokeKey } from '../../src/page/actions.ts'
import { rounded } from '../../src/page/thin.ts'
import { type Presentation, present } from '../../src/sdk/index.ts'
import { TcpProxy } from '../support/proxy.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { describeInBrowser, type Enter } from './chromium.ts'
import { allHaveInk, allShow, type Member, PATIENCE } from './pages.ts'

/** Milliseconds, each way: half of a bad mobile network's round trip. */
const FAR = 400

async function startServer(env?: Record<string, string>): Promise<TestServer> {
  const server = await startTestServer(env)
  onTestFinished(() => server.stop())
  return server
}

async function farFrom(server: TestServer): Promise<string> {
  const proxy = await TcpProxy.to(server.port)
  proxy.delay = FAR
  onTestFinished(() => proxy.close())
  return proxy.url
}

/** A presenter whose pen is taken up, and one who watches, at the addresses. */
async function enterBoth(enter: Enter, presenting: string, watching = presenting) {
  const [presenter, audience] = [await enter(), await enter()]
  const link = await presenter.present(presenting)
  await audience.watch(link.replace(presenting, watching))
  await presenter.part('pen').click()
  return { presenter, audience, both: [presenter, audience], link: link.replace(presenting, watching) }
}

/** Presents, in a window of its own, in a room that is held elsewhere. */
async function takeOver({ page }: Member, url: string, { uuid, ownerKey }: { uuid: string; ownerKey: string }) {
  const held = JSON.stringify({ uuid, ownerKey })
  await page.addInitScript(`sessionStorage.setItem('roomcast.held', ${JSON.stringify(held)})`)
  await page.goto(url)
}

/** A room of which `fill` stores what it likes, and which a page then takes over, with the pen taken up. */
async function enterFilled(enter: Enter, url: string, fill: (room: Presentation<Filled>) => Promise<void>) {
  const room = await present<Filled>(url)
  await room.state('slide', 0)
  await fill(room)
  const [presenter, audience] = [await enter(), await enter()]
  await takeOver(presenter, url, room)
  await audience.watch(room.link)
  await presenter.part('pen').click()
  const tell = () => presenter.part('notice').textContent()
  return { presenter, both: [presenter, audience], link: room.link, tell }
}

type Filled = Show & { other: [text: string] }

/** Stores `count` lines of 40 points on slide 0, in the upper half. */
async function drawMany(room: Presentation<Filled>, count: number): Promise<void> {
  const points = (y: number) =>
    Array.from({ length: 40 }, (_, i) => [0.1 + i / 50, y + 0.01 * (i % 2)].map(rounded)).flat()
  for (let place = 0; place < count; place++) {
    const id = `seed-${place}`
    await room.key(strokeKey(id)).state('draw', 0, { op: 'stroke', id, points: points(0.12 + (0.2 * place) / count) })
  }
}

/** Leaves no room for a line. */
async function fillUp(room: Presentation<Filled>): Promise<void> {
  room.when('problem', () => undefined)
  for (let size = 16 * 1024; size >= 1; ) {
    const isFull = await room.append('other', 'x'.repeat(size)).catch(() => true)
    if (isFull) size /= 2
  }
}

describeInBrowser('a drawing', (enter) => {
  test('loses the line that a reload of the page broke off', async () => {
    const { url } = await startServer()
    const { presenter, audience, both, link } = await enterBoth(enter, url)
    await presenter.draw(0.25)
    await presenter.trace(0.55)
    await allHaveInk(both, [2, 5])
    await presenter.page.reload()
    await allShow(both, { status: 'live', strokes: 1 })
    await allHaveInk(both, [2])
    const late = await enter()
    await late.watch(link)
    await allHaveInk([...both, late], [2])
    await presenter.page.mouse.up()
    await presenter.part('clear').click()
    await allHaveInk([...both, late], [])
    for (const member of [presenter, audience, late]) expect(member.complaints).toEqual([])
  })

  test('loses the line that another window broke off by taking the room over', async () => {
    const { url } = await startServer()
    const { presenter, audience, both } = await enterBoth(enter, url)
    await presenter.draw(0.25)
    await presenter.trace(0.55)
    await allHaveInk(both, [2, 5])
    const other = await enter()
    await takeOver(other, url, await presenter.page.evaluate(`JSON.parse(sessionStorage.getItem('roomcast.held'))`))
    await allShow([other, audience], { status: 'live', strokes: 1 })
    await presenter.shows({ status: 'ended' })
    await allHaveInk([other, audience], [2])
  })

  test('loses the line of a presenter whose page is closed', async () => {
    const { url } = await startServer()
    const { presenter, audience, both } = await enterBoth(enter, url)
    await presenter.draw(0.25)
    await presenter.trace(0.55)
    await allHaveInk(both, [2, 5])
    await presenter.page.close()
    await audience.shows({ status: 'live', strokes: 1 })
    await allHaveInk([audience], [2])
  })

  test('has its newest stroke undone before that is stored, with 800 ms to the server and back', async () => {
    const server = await startServer()
    const { presenter, audience, both, link } = await enterBoth(enter, await farFrom(server), server.url)
    await presenter.draw(0.25)
    await presenter.draw(0.55)
    await presenter.page.keyboard.press('Control+z')
    // At once for who drew it.
    expect((await presenter.ink()).tenths).toEqual([2])
    await presenter.draw(0.75)
    await allShow(both, { strokes: 2 })
    await allHaveInk(both, [2, 7])
    const late = await enter()
    await late.watch(link)
    await allShow([late], { strokes: 2 })
    await allHaveInk([presenter, audience, late], [2, 7])

    await presenter.draw(0.35)
    await presenter.draw(0.45)
    for (let times = 0; times < 3; times++) await presenter.part('undo').click()
    expect((await presenter.ink()).tenths).toEqual([2])
    await allShow([presenter, audience, late], { strokes: 1 })
    await allHaveInk([presenter, audience, late], [2])

    await presenter.draw(0.55)
    await presenter.part('clear').click()
    expect((await presenter.ink()).tenths).toEqual([])
    await presenter.draw(0.75)
    await allShow([presenter, audience, late], { strokes: 1 })
    await allHaveInk([presenter, audience, late], [7])
    await presenter.page.reload()
    await allShow([presenter, audience, late], { status: 'live', strokes: 1 })
    await allHaveInk([presenter, audience, late], [7])
    for (const member of [presenter, audience, late]) expect(member.complaints).toEqual([])
  })

  test('is the same for all at the far end of a slow line, and on a processor four times as slow', {
    timeout: 120_000,
  }, async () => {
    const server = await startServer()
    const { presenter, both, link } = await enterBoth(enter, await farFrom(server))
    for (const member of both) await member.slowDown(4)
    for (const y of [0.15, 0.25, 0.35]) await presenter.draw(y)
    await presenter.part('undo').click()
    await presenter.trace(0.55)
    await presenter.page.reload()
    await presenter.page.mouse.up()
    await allShow(both, { status: 'live', strokes: 2 })
    await allHaveInk(both, [1, 2])
    await presenter.part('pen').click()
    await presenter.draw(0.75)
    await presenter.part('undo').click()
    await presenter.draw(0.85)
    const late = await enter()
    await late.watch(link)
    await allShow([...both, late], { status: 'live', strokes: 3 })
    await allHaveInk([...both, late], [1, 2, 8])
    await presenter.part('clear').click()
    await allShow([...both, late], { strokes: 0 })
    await allHaveInk([...both, late], [])
    for (const member of [...both, late]) expect(member.complaints).toEqual([])
  })

  test('[R3] that fills its slide says so, and leaves room for the others', async () => {
    const { url } = await startServer({ STATE_BYTES: String(32 * 1024) })
    const { presenter, both, link, tell } = await enterFilled(enter, url, (room) => drawMany(room, 31))
    await allShow(both, { status: 'live', slide: 0, strokes: 31 })
    const ink = await presenter.ink()
    await presenter.draw(0.75)
    await expect.poll(tell, PATIENCE).toContain('This slide’s drawing is full')
    await allHaveInk(both, ink.tenths)
    await allShow(both, { strokes: 31 })

    await presenter.page.keyboard.press('ArrowRight')
    expect(await tell()).toBe('')
    await presenter.draw(0.25)
    await allShow(both, { slide: 1, strokes: 1 })
    await presenter.page.keyboard.press('ArrowLeft')
    await presenter.draw(0.75)
    await expect.poll(tell, PATIENCE).toContain('This slide’s drawing is full')
    await presenter.part('undo').click()
    expect(await tell()).toBe('')
    await presenter.draw(0.75)
    const late = await enter()
    await late.watch(link)
    await allShow([...both, late], { slide: 0, strokes: 31 })
    await allHaveInk([...both, late], [...ink.tenths, 7])
    for (const member of [...both, late]) expect(member.complaints).toEqual([])
  })

  test('[R3] that fills its slide by the number of its lines says so, too', async () => {
    const { url } = await startServer({ STATE_ENTRIES: '64' })
    const { presenter, both, tell } = await enterFilled(enter, url, (room) => drawMany(room, 49))
    await allShow(both, { status: 'live', slide: 0, strokes: 49 })
    await presenter.draw(0.75)
    await expect.poll(tell, PATIENCE).toContain('This slide’s drawing is full')
    await presenter.page.keyboard.press('End')
    await presenter.draw(0.25)
    await presenter.draw(0.75)
    await allShow(both, { slide: 7, strokes: 2 })
    await allHaveInk(both, [2, 7])
  })

  test('[R3] in a room that is full says so, and has its strokes undone all the same', async () => {
    const { url } = await startServer({ STATE_BYTES: String(32 * 1024) })
    const { presenter, both, link, tell } = await enterFilled(enter, url, async (room) => {
      await drawMany(room, 3)
      await fillUp(room)
    })
    await allShow(both, { status: 'live', strokes: 3 })
    await presenter.draw(0.75)
    await expect.poll(tell, PATIENCE).toContain('The room can keep no more drawing')
    await presenter.part('undo').click()
    await allShow(both, { strokes: 2 })
    expect(await tell()).toBe('')
    await presenter.draw(0.75)
    const late = await enter()
    await late.watch(link)
    await allShow([...both, late], { strokes: 3 })
    await presenter.part('clear').click()
    await allShow([...both, late], { strokes: 0 })
    await allHaveInk([...both, late], [])
  })

  test('of more lines than may be under way at once is cleared', async () => {
    const { url } = await startServer()
    const { presenter, both, link } = await enterFilled(enter, url, (room) => drawMany(room, 1100))
    await allShow(both, { status: 'live', strokes: 1100 })
    await presenter.part('clear').click()
    await presenter.draw(0.75)
    await allShow(both, { strokes: 1 })
    const late = await enter()
    await late.watch(link)
    await allShow([...both, late], { strokes: 1 })
    await allHaveInk([...both, late], [7])
    for (const member of [...both, late]) expect(member.complaints).toEqual([])
  })
})
