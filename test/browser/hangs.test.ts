import { expect, onTestFinished, test } from 'vitest'
import { startChildServer } from '../support/child.ts'
import { describeInBrowser } from './chromium.ts'
import { allShow, type Member } from './pages.ts'

/** Milliseconds, by the page's own clock, from `act` until its status is `status`. */
async function timeUntil(member: Member, status: string, act: () => unknown): Promise<number> {
  const time = member.page.evaluate<number>(`new Promise((resolve) => {
    const from = performance.now()
    const element = document.querySelector('[data-testid="status"]')
    const look = () => element.dataset.status === '${status}' && resolve(performance.now() - from)
    new MutationObserver(look).observe(element, { attributes: true })
  })`)
  await act()
  return time
}

describeInBrowser('a page', (enter) => {
  test('whose server hangs says so: the presenter’s within 5 s of what was not answered, the audience’s within 20 s', async () => {
    const server = await startChildServer()
    onTestFinished(() => server.kill())
    const [presenter, audience] = [await enter(), await enter()]
    const link = await presenter.present(server.address)
    await audience.watch(link)
    await presenter.page.keyboard.press('ArrowRight')
    await allShow([presenter, audience], { status: 'live', slide: 1 })

    server.process.kill('SIGSTOP')
    const audienceKnows = timeUntil(audience, 'reconnecting', () => {})
    const presenterKnows = timeUntil(presenter, 'reconnecting', () => presenter.page.keyboard.press('ArrowRight'))
    expect(await presenterKnows).toBeLessThan(5000)
    expect(await presenter.part('status').textContent()).toBe(
      'Reconnecting Connection lost. What you show now, your audience sees when it is back.',
    )
    expect(await audienceKnows).toBeLessThan(20_000)
    await presenter.shows({ slide: 2 })
    await audience.shows({ slide: 1 })

    server.process.kill('SIGCONT')
    await allShow([presenter, audience], { status: 'live', slide: 2 })
  })

  test('that is offline says so at once', async () => {
    const server = await startChildServer()
    onTestFinished(() => server.kill())
    const [presenter, audience] = [await enter(), await enter()]
    await audience.watch(await presenter.present(server.address))
    for (const member of [presenter, audience]) {
      const offline = () => member.page.context().setOffline(true)
      expect(await timeUntil(member, 'reconnecting', offline)).toBeLessThan(1000)
      await member.page.context().setOffline(false)
      await member.shows({ status: 'live' })
    }
  })
})
