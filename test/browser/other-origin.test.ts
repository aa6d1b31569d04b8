import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { present } from '../../src/sdk/index.ts'
import { startTestServer } from '../support/server.ts'
import { describeInBrowser } from './chromium.ts'
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
    document.querySelector('#status').textContent = room.status
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

  test('has the SDK, and no line, of a server that does not', async () => {
    const site = await startSite()
    const { room, query } = await startRoom({ ALLOWED_ORIGINS: 'https://example.org' })
    const member = await enter()
    const { page } = member
    await page.goto(`${site}/?${query}`)
    await expect.poll(() => member.complaints, PATIENCE).toContainEqual(expect.stringMatching(/WebSocket.* 403/))
    await page.getByText('Status: connecting, slide: ', { exact: true }).waitFor()
    expect(member.heard).toEqual([])
    expect(room.listeners).toBe(0)
  })
})
