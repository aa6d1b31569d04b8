import { expect, onTestFinished, test } from 'vitest'
import { TcpProxy } from '../support/proxy.ts'
import { startTestServer } from '../support/server.ts'
import { describeInBrowser } from './chromium.ts'
import { type Member, PATIENCE } from './pages.ts'

/** From its next load on, the page's connections never come about. */
const UNANSWERED = `window.WebSocket = class {
  send() {}
  close() {}
}`

async function startServer(): Promise<{ url: string; proxy: TcpProxy }> {
  const server = await startTestServer()
  onTestFinished(() => server.stop())
  const proxy = await TcpProxy.to(server.port)
  onTestFinished(() => proxy.close())
  return { url: proxy.url, proxy }
}

async function expectWords({ page }: Member, selector: string, words: string): Promise<void> {
  await expect.poll(() => page.locator(selector).textContent(), PATIENCE).toContain(words)
}

describeInBrowser('what the page says', (enter) => {
  test('of a server that does not answer who joins', async () => {
    const { url } = await startServer()
    const [presenter, audience] = [await enter(), await enter()]
    const link = await presenter.present(url)
    await audience.page.addInitScript(UNANSWERED)
    await audience.page.goto(link)
    await expectWords(audience, '.status', 'Looking for the room.')
    await expectWords(audience, '.status', 'The server does not answer yet. Still trying.')
  })

  test('of a room that there is, while it is not taken back', async () => {
    const { url } = await startServer()
    const presenter = await enter()
    await presenter.present(url)
    await presenter.page.addInitScript(UNANSWERED)
    await presenter.page.reload()
    await expectWords(presenter, '.notice', 'Your room is not taken back yet: the server does not answer.')
  })

  test('of who listens, while that is not known', async () => {
    const { url, proxy } = await startServer()
    const [presenter, audience] = [await enter(), await enter()]
    await audience.watch(await presenter.present(url))
    await expectWords(presenter, '.crowd', '1 listening')
    proxy.down()
    await expectWords(presenter, '.crowd', '1 was listening')
    proxy.isDown = false
    await presenter.shows({ status: 'live' })
    await expectWords(presenter, '.crowd', '1 listening')
  })
})
