import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { follow, present } from '../../src/sdk/index.ts'
import { freePort, startTestServer } from '../support/server.ts'
import { describeInBrowser, NAME } from './chromium.ts'
import { PATIENCE } from './pages.ts'

type Deck = { slide: [index: number] }

/** A site that knows of roomcast no more than two addresses in its own: the server's, and the room's. */
const HTML = `<!doctype html>
<link rel="icon" href="data:,">
<title>A page of another origin</title>
<p>Status: <output id="status"></output>, slide: <output id="slide"></output></p>
<script type="module">
  const { server, uuid } = Object.fromEntries(new URLSearchParams(location.search))
  const { follow } = await import(server + '/roomcast.js')
  const room = follow(server, uuid)
  const tell = () => {
    document.querySelector('#status').textContent = [room.status, room.ending?.code].join(' ').trim()
  }
  room.on('slide', (index) => {
    document.querySelector('#slide').textContent = index
    room.feedback('seen', index)
  })
  room.when('status', tell)
  tell()
</script>
`

async function startSite(): Promise<string> {
  const site = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end(HTML))
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
  onTestFinished(() => {
    site.close()
    site.closeAllConnections()
  })
  return `http://127.0.0.1:${(site.address() as AddressInfo).port}`
}

/** A server with a room that shows slide 3. */
async function startRoom(env: Record<string, string>) {
  const server = await startTestServer(env)
  onTestFinished(() => server.stop())
  const room = await present<Deck>(server.url)
  onTestFinished(() => room.leave())
  await room.state('slide', 3)
  return { room, query: new URLSearchParams({ server: server.url, uuid: room.uuid }) }
}

describeInBrowser('a page of another origin', (enter) => {
  test('can follow by the SDK of a server that allows its origin', async () => {
    const site = await startSite()
    const { room, query } = await startRoom({ ALLOWED_ORIGINS: `https://example.org,${site}` })
    const member = await enter()
    const { page } = member
    const feedback: unknown[] = []
    room.when('feedback', ({ action, params }) => feedback.push([action, ...params]))
    await page.goto(`${site}/?${query}`)
    await page.getByText('Status: live, slide: 3', { exact: true }).waitFor()
    await room.state('slide', 4)
    await page.getByText('Status: live, slide: 4', { exact: true }).waitFor()
    await expect
      .poll(() => feedback, PATIENCE)
      .toEqual([
        ['seen', 3],
        ['seen', 4],
      ])
    await expect.poll(() => room.listeners, PATIENCE).toBe(1)
    expect(member.complaints).toEqual([])
  })

  test('[J5] has the SDK of a server that does not, and is told why it may not follow', async () => {
    const site = await startSite()
    const { room, query } = await startRoom({ ALLOWED_ORIGINS: 'https://example.org' })
    const member = await enter()
    const { page } = member
    await page.goto(`${site}/?${query}`)
    await page.getByText('Status: ended origin_refused, slide: ', { exact: true }).waitFor()
    expect(member.heard).toHaveLength(1)
    expect(member.heard[0]).toContain(`pages of ${site} may not connect here`)
    expect(room.listeners).toBe(0)
  })
})

describeInBrowser('the page of a server that does not take it', (enter) => {
  /** Its server's address, by a name that it has not been told. */
  async function startNamed(env: Record<string, string> = {}) {
    const server = await startTestServer(env)
    onTestFinished(() => server.stop())
    return { server, url: `http://${NAME}:${server.port}` }
  }

  test('[J5] by a name that it does not know: the page says what to set', async () => {
    const { server, url } = await startNamed()
    const { page } = await enter()
    const words = `set PUBLIC_URL=${url}: the server does not know that address as its own (origin_refused).`
    await page.goto(url)
    await page.getByTestId('present').click()
    await page.getByText(`There is no room yet: ${words}`, { exact: true }).waitFor()
    const room = await present<Deck>(server.url)
    onTestFinished(() => room.leave())
    await page.goto(`${url}/?uuid=${room.uuid}`)
    await page.getByRole('status').getByText(words).waitFor()
  })

  test('by a name that it has been told: it is taken', async () => {
    const port = await freePort()
    const { url } = await startNamed({
      PORT: String(port),
      PUBLIC_URL: `https://elsewhere.example,http://${NAME}:${port}`,
    })
    const { page } = await enter()
    await page.goto(url)
    await page.getByTestId('present').click()
    await page.getByText('On air').waitFor()
  })

  test('[J5] while the server is full: the page says so, and follows when there is place', async () => {
    const server = await startTestServer({ MAX_CONNECTIONS: '2' })
    onTestFinished(() => server.stop())
    const room = await present<Deck>(server.url)
    onTestFinished(() => room.leave())
    const other = follow(server.url, room.uuid)
    await expect.poll(() => room.listeners, PATIENCE).toBe(1)
    const { page } = await enter()
    await page.goto(`${server.url}/?uuid=${room.uuid}`)
    await page.getByText('Still trying: the server is full: at most 2 connections.', { exact: true }).waitFor()
    other.leave()
    await page.getByText('You see what the presenter shows now.', { exact: true }).waitFor()
  })
})
