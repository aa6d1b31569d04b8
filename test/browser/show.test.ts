import { afterAll, beforeAll, expect, test } from 'vitest'
import { startNodesOverRedis } from '../support/nodes.ts'
import { hasRedis } from '../support/redis.ts'
import { startTestServer } from '../support/server.ts'
import { hasWorkerd } from '../support/workerd.ts'
import { startWranglerDev } from '../support/wrangler.ts'
import { describeInBrowser } from './chromium.ts'
import { allHaveInk, allShow, PATIENCE } from './pages.ts'

/** Where the shows are given. */
const runtimes: Record<string, () => Promise<{ readonly url: string; stop(): Promise<void> }>> = {
  Node: startTestServer,
  ...(hasRedis() && { 'two nodes': () => startNodesOverRedis(2) }),
  ...(hasWorkerd() && { Workers: startWranglerDev }),
}

/** Resolves when a reaction is well above where it was first seen. The page itself looks: each frame, and so in time. */
const RISES = `new Promise((resolve) => {
  let first
  const look = () => {
    const top = document.querySelector('[data-testid=float]')?.getBoundingClientRect().top
    first ??= top
    if (top < first - 20) resolve()
    else requestAnimationFrame(look)
  }
  look()
})`

for (const [runtime, start] of Object.entries(runtimes))
  describeInBrowser(`a show on ${runtime}`, (enter) => {
    let server: Awaited<ReturnType<typeof start>>
    const startServer = async () => server.url

    beforeAll(async () => {
      server = await start()
    })

    afterAll(() => server?.stop())

    test('is the same for the presenter, for who is there from the beginning, and for who comes late', async () => {
      const url = await startServer()
      const presenter = await enter()
      const link = await presenter.present(url)
      const [ada, ben, late] = [await enter(), await enter(), await enter()]
      const early = [presenter, ada, ben]
      await Promise.all([ada.watch(link), ben.watch(link)])
      await allShow(early, { slide: 0, strokes: 0 })
      await expect.poll(() => presenter.listeners(), PATIENCE).toBe(2)

      const { keyboard } = presenter.page
      const turns = [
        { turn: () => keyboard.press('ArrowRight'), slide: 1 },
        { turn: () => keyboard.press('Space'), slide: 2 },
        { turn: () => presenter.part('next').click(), slide: 3 },
        { turn: () => keyboard.press('PageDown'), slide: 4 },
        { turn: () => presenter.part('previous').click(), slide: 3 },
        { turn: () => keyboard.press('End'), slide: 7 },
        { turn: () => keyboard.press('ArrowRight'), slide: 7 },
        { turn: () => keyboard.press('Home'), slide: 0 },
        { turn: () => keyboard.press('ArrowLeft'), slide: 0 },
        { turn: () => keyboard.press('ArrowRight'), slide: 1 },
      ]
      for (const { turn, slide } of turns) {
        await turn()
        await allShow(early, { slide })
      }

      await presenter.move([0.25, 0.5])
      await allShow(early, { pointer: '25% 50%' })
      await presenter.move([0.25, 1.2])
      await allShow(early, { pointer: '' })

      await presenter.part('pen').click()
      await presenter.trace(0.25)
      // A line is there for all while it is being drawn.
      await allHaveInk(early, [2])
      await allShow(early, { strokes: 0 })
      await presenter.lift()
      await presenter.draw(0.75)
      await allShow(early, { strokes: 2 })
      await allHaveInk(early, [2, 7])
      await presenter.part('undo').click()
      await allShow(early, { strokes: 1 })
      await allHaveInk(early, [2])

      await late.watch(link)
      const all = [...early, late]
      await allShow(all, { status: 'live', slide: 1, strokes: 1, pointer: '' })
      await allHaveInk(all, [2])
      await expect.poll(() => presenter.listeners(), PATIENCE).toBe(3)
      await presenter.draw(0.55)
      await presenter.part('pen').click()
      await presenter.move([0.75, 0.25])
      await allShow(all, { slide: 1, strokes: 2, pointer: '75% 25%' })
      await allHaveInk(all, [2, 5])

      await presenter.part('clear').click()
      await allShow(all, { slide: 1, strokes: 0 })
      await allHaveInk(all, [])

      await ben.page.close()
      await expect.poll(() => presenter.listeners(), PATIENCE).toBe(2)

      await presenter.part('end').click()
      await presenter.part('confirm-end').click()
      await allShow([presenter, ada, late], { status: 'ended' })
      for (const member of all) expect(member.complaints).toEqual([])
    })

    test('draws each slide its own lines, and shows them again when it comes back', async () => {
      const presenter = await enter()
      const audience = await enter()
      await audience.watch(await presenter.present(await startServer()))
      const both = [presenter, audience]
      await presenter.part('pen').click()
      await presenter.draw(0.25)
      await allShow(both, { slide: 0, strokes: 1 })
      await presenter.part('next').click()
      await allShow(both, { slide: 1, strokes: 0 })
      await presenter.draw(0.75)
      await allShow(both, { slide: 1, strokes: 1 })
      await allHaveInk(both, [7])
      await presenter.part('previous').click()
      await allShow(both, { slide: 0, strokes: 1 })
      await allHaveInk(both, [2])
      for (const member of both) expect(member.complaints).toEqual([])
    })

    test('has reactions float up at the presenter alone', async () => {
      const presenter = await enter()
      const [ada, ben] = [await enter(), await enter()]
      const link = await presenter.present(await startServer())
      await Promise.all([ada.watch(link), ben.watch(link)])
      await Promise.all([presenter.page.evaluate(RISES), ada.part('reaction-0').click()])
      await ben.part('reaction-2').click()
      await presenter.part('float').filter({ hasText: '❤️' }).waitFor()
      expect(await ada.part('float').count()).toBe(0)
      expect(await ben.part('float').count()).toBe(0)
      // Each is gone when it has risen.
      await expect.poll(() => presenter.part('float').count(), PATIENCE).toBe(0)
      for (const member of [presenter, ada, ben]) expect(member.complaints).toEqual([])
    })

    test('has a link to read, to copy and to scan', async () => {
      const url = await startServer()
      const presenter = await enter({ permissions: ['clipboard-read', 'clipboard-write'] })
      const link = await presenter.present(url)
      expect(link).toMatch(new RegExp(`^${url}/\\?uuid=[\\w-]+$`))
      expect(await presenter.part('link').getAttribute('href')).toBe(link)
      await presenter.part('qr').waitFor()
      await presenter.part('copy').click()
      await expect.poll(() => presenter.page.evaluate('navigator.clipboard.readText()'), PATIENCE).toBe(link)
      expect(presenter.complaints).toEqual([])
    })

    test('that there is not says so', async () => {
      const url = await startServer()
      const lost = await enter()
      for (const uuid of ['5f0c9bde-9c1e-4b0a-8d5c-2f1f6f6c0a11', 'nonsense', '.', '..', 'a/b', '?', '%', ' ']) {
        await lost.page.goto(`${url}/?uuid=${encodeURIComponent(uuid)}`)
        await lost.shows({ status: 'ended' })
        expect(await lost.part('status').textContent()).toContain('There is no such room.')
      }
      expect(lost.complaints).toEqual([])
    })
  })
