import type { BrowserContextOptions, Page } from 'playwright-core'
import { describe, expect, onTestFinished, test } from 'vitest'
import { TcpProxy } from '../support/proxy.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { contrasts, focus } from './audit.ts'
import { describeInBrowser } from './chromium.ts'
import { allHaveInk, allShow, type Member } from './pages.ts'

const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
  deviceScaleFactor: 2,
}

async function startServer(env?: Record<string, string>): Promise<TestServer> {
  const server = await startTestServer(env)
  onTestFinished(() => server.stop())
  return server
}

/** A finger that goes across the stage, between two places in parts of its width. */
async function drag(member: Member, from: number, to: number): Promise<void> {
  const box = (await member.part('stage').boundingBox())!
  const touches = await member.page.context().newCDPSession(member.page)
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', x?: number) => {
    const touchPoints = x === undefined ? [] : [{ x: box.x + box.width * x, y: box.y + box.height * 0.45 }]
    return touches.send('Input.dispatchTouchEvent', { type, touchPoints })
  }
  await touch('touchStart', from)
  for (let step = 1; step <= 10; step++) await touch('touchMove', from + ((to - from) * step) / 10)
  await touch('touchEnd')
  await touches.detach()
}

async function inBothSchemes(page: Page, check: () => Promise<void>): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await check()
  }
}

/** What reaches over the right edge of the window, and how much wider than the window the page is. A stage cuts off its own. */
const SIDEWAYS = `({
  scroll: document.documentElement.scrollWidth - innerWidth,
  over: [...document.body.querySelectorAll(':not(.stage *)')]
    .filter((element) => element.checkVisibility() && element.getBoundingClientRect().right > innerWidth + 1)
    .map((element) => element.localName + '.' + element.className),
})`

async function expectNoSidewaysScroll(page: Page, width = 390): Promise<void> {
  expect(await page.evaluate(SIDEWAYS), `${width} pixels wide`).toEqual({ scroll: 0, over: [] })
}

/** A laptop's and a tablet's window, whole and magnified, and phones down to the narrowest (WCAG 2.2, 1.4.10). */
const WIDTHS = [1366, 1024, 960, 800, 740, 700, 683, 640, 600, 480, 414, 390, 375, 360, 320]

/** What ends with a full stop or a comma, and has it before its last letter or digit. */
const MISPLACED = `(() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const place = (node, index) => {
    const range = document.createRange()
    range.setStart(node, index)
    range.setEnd(node, index + 1)
    return range.getBoundingClientRect()
  }
  const found = []
  let looked = 0
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const { data } = node
    if (!/[a-z][.,]$/.test(data) || !node.parentElement.checkVisibility()) continue
    looked++
    if (place(node, data.length - 1).left < place(node, data.length - 2).left) found.push(data)
  }
  return { looked: looked > 3, found }
})()`

describeInBrowser('the page', (enter) => {
  describe('on a phone', () => {
    test('has nothing to scroll sideways for', async () => {
      const { url } = await startServer()
      const [presenter, audience] = [await enter(PHONE), await enter(PHONE)]
      await presenter.page.goto(url)
      await presenter.part('present').waitFor()
      await expectNoSidewaysScroll(presenter.page)
      await audience.watch(await presenter.present(url))
      for (let slide = 0; slide < 8; slide++) {
        await allShow([presenter, audience], { slide })
        await expectNoSidewaysScroll(presenter.page)
        await expectNoSidewaysScroll(audience.page)
        await presenter.page.keyboard.press('ArrowRight')
      }
      await presenter.part('end').tap()
      await presenter.part('confirm-end').waitFor()
      await expectNoSidewaysScroll(presenter.page)
      await presenter.part('confirm-end').tap()
      await allShow([presenter, audience], { status: 'ended' })
      await expectNoSidewaysScroll(presenter.page)
      await expectNoSidewaysScroll(audience.page)
    })

    test('turns slides by a swipe, and draws by it when the pen is taken up', async () => {
      const { url } = await startServer()
      const [presenter, audience] = [await enter(PHONE), await enter(PHONE)]
      const both = [presenter, audience]
      await audience.watch(await presenter.present(url))
      await drag(presenter, 0.8, 0.2)
      await allShow(both, { slide: 1 })
      await drag(presenter, 0.8, 0.2)
      await allShow(both, { slide: 2 })
      await drag(presenter, 0.2, 0.8)
      await allShow(both, { slide: 1, strokes: 0, pointer: '' })
      // No tap: right after a swipe that took no time Chromium swallows it.
      await presenter.part('pen').press('Enter')
      await drag(presenter, 0.8, 0.2)
      await allShow(both, { slide: 1, strokes: 1 })
      await allHaveInk(both, [4])
      for (const member of both) expect(member.complaints).toEqual([])
    })

    test('has text that can be read, in the light and in the dark', async () => {
      const server = await startServer()
      const proxy = await TcpProxy.to(server.port)
      onTestFinished(() => proxy.close())
      const [presenter, audience] = [await enter(PHONE), await enter(PHONE)]
      const expectReadable = ({ page }: Member, texts: string[]) =>
        inBothSchemes(page, async () => {
          const found = await contrasts(page)
          for (const text of texts) expect(found.map((one) => one.text)).toContainEqual(expect.stringContaining(text))
          expect(found.filter(({ contrast }) => contrast < 4.5)).toEqual([])
        })
      await presenter.page.goto(proxy.url)
      await presenter.part('present').waitFor()
      await expectReadable(presenter, ['One presents.', 'Present'])
      const link = await presenter.present(proxy.url)
      await audience.watch(link)
      await expectReadable(presenter, ['On air', 'Your audience sees', 'Hello,'])
      await expectReadable(audience, ['Live', 'You see what', 'Hello,'])
      await presenter.part('pen').tap()
      for (let slide = 0; slide < 8; slide++) {
        await allShow([presenter, audience], { slide })
        await expectReadable(presenter, ['On air'])
        await presenter.page.keyboard.press('ArrowRight')
      }

      proxy.down()
      await allShow([presenter, audience], { status: 'reconnecting' })
      await expectReadable(presenter, ['Reconnecting', 'Connection lost'])
      await expectReadable(audience, ['Reconnecting', 'Connection lost'])
      proxy.isDown = false
      await allShow([presenter, audience], { status: 'live' })

      await presenter.part('end').tap()
      await expectReadable(presenter, ['End the show?'])
      await presenter.part('confirm-end').tap()
      await allShow([presenter, audience], { status: 'ended' })
      await expectReadable(presenter, ['The show is over.'])
      await expectReadable(audience, ['The show is over.'])
    })
  })

  test('has nothing to scroll sideways for, however wide its window is', async () => {
    const { url } = await startServer({ STATE_ENTRIES: '4' })
    const [presenter, audience] = [await enter(), await enter()]
    await audience.watch(await presenter.present(url))
    await presenter.part('pen').click()
    for (const y of [0.25, 0.5, 0.75]) await presenter.draw(y)
    await presenter.part('notice').filter({ hasText: 'full' }).waitFor()
    const copying = presenter.part('copy').locator('.words')
    await copying.evaluate((element) => {
      element.textContent = 'Copy what is selected'
    })
    for (const width of WIDTHS) {
      for (const { page } of [presenter, audience]) {
        await page.setViewportSize({ width, height: Math.round(width * 0.47) })
        await expectNoSidewaysScroll(page, width)
      }
      // What was refused is said where one looks.
      const { y, height } = (await presenter.part('notice').boundingBox())!
      if (width > 600) expect(y + height, `${width} pixels wide`).toBeLessThanOrEqual(Math.round(width * 0.47))
    }
    await presenter.part('end').click()
    await presenter.part('confirm-end').waitFor()
    await expectNoSidewaysScroll(presenter.page, 320)
  })

  test('keeps its slide, and its punctuation, as they are where the page around it reads from right to left', async () => {
    const { url } = await startServer()
    const [presenter, audience] = [await enter(), await enter()]
    await audience.watch(await presenter.present(url))
    for (const { page } of [presenter, audience]) {
      const title = () => page.locator('.slide h2').boundingBox()
      // It comes in with a movement.
      await page.evaluate(
        `Promise.all(document.querySelector('.slide').getAnimations().map(({ finished }) => finished))`,
      )
      const before = await title()
      await page.evaluate(`document.documentElement.dir = 'rtl'`)
      expect(await page.evaluate(MISPLACED)).toEqual({ looked: true, found: [] })
      // What is drawn on a word is on that word on every screen.
      expect(await title()).toEqual(before)
    }
    // A browser that translates changes the words alone.
    const note = audience.page.locator('.note')
    await note.evaluate((element) => {
      element.textContent = 'שלום לכולם.'
    })
    const ends = await note.evaluate((element) => {
      const range = element.ownerDocument.createRange()
      const left = (index: number) => {
        range.setStart(element.firstChild!, index)
        range.setEnd(element.firstChild!, index + 1)
        return range.getBoundingClientRect().left
      }
      return { stop: left(10), letter: left(9) }
    })
    expect(ends.stop).toBeLessThan(ends.letter)
  })

  describe('by keyboard', () => {
    test('presents, and shows where it is, in the light and in the dark', async () => {
      const { url } = await startServer()
      const [presenter, audience] = [await enter(), await enter()]
      const both = [presenter, audience]
      const { keyboard } = presenter.page
      /** Goes on to what has this id; wherever the focus is on the way there, it shows. */
      const tabTo = async (id: string) => {
        for (let stop = 0; stop < 20; stop++) {
          await keyboard.press('Tab')
          const { on } = await focus(presenter.page)
          // The way round leads through the browser's own buttons.
          if (on === 'body') continue
          await inBothSchemes(presenter.page, async () => {
            const { outline, contrast } = await focus(presenter.page)
            expect(outline, `around ${on}`).toBeGreaterThanOrEqual(2)
            expect(contrast, `around ${on}`).toBeGreaterThanOrEqual(3)
          })
          if (on === id) return
        }
        throw new Error(`no way to ${id}`)
      }

      await presenter.page.goto(url)
      await presenter.part('present').waitFor()
      await tabTo('present')
      await keyboard.press('Enter')
      await presenter.shows({ status: 'live', slide: 0 })
      await audience.watch(await presenter.link())

      await audience.part('reaction-1').focus()
      await audience.page.keyboard.press('Enter')
      await presenter.part('float').filter({ hasText: '👍' }).waitFor()
      await keyboard.press('ArrowRight')
      await keyboard.press('Space')
      await allShow(both, { slide: 2 })
      await tabTo('previous')
      await keyboard.press('Space')
      await allShow(both, { slide: 1 })
      await tabTo('pen')
      const penTaken = () => presenter.part('pen').getAttribute('aria-pressed')
      await keyboard.press('Space')
      expect(await penTaken()).toBe('true')
      await keyboard.press('Enter')
      expect(await penTaken()).toBe('false')
      await keyboard.press('Enter')
      await keyboard.press('Escape')
      expect(await penTaken()).toBe('false')
      await allShow(both, { slide: 1 })

      await tabTo('end')
      await keyboard.press('Enter')
      await presenter.part('confirm-end').waitFor()
      // What the focus is on first does no harm.
      await keyboard.press('Enter')
      await presenter.part('confirm-end').waitFor({ state: 'hidden' })
      await allShow(both, { status: 'live' })
      expect((await focus(presenter.page)).on).toBe('end')
      await keyboard.press('Enter')
      await presenter.part('confirm-end').waitFor()
      await keyboard.press('ArrowRight')
      await tabTo('confirm-end')
      await allShow(both, { slide: 1 })
      await keyboard.press('Enter')
      await allShow(both, { status: 'ended' })
      for (const member of both) expect(member.complaints).toEqual([])
    })
  })
})
