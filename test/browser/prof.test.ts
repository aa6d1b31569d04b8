import { onTestFinished, test } from 'vitest'
import { startTestServer } from '../support/server.ts'
import { describeInBrowser } from './chromium.ts'
import { allHaveInk, allShow } from './pages.ts'

describeInBrowser('p', (enter) => {
  test('p', async () => {
    const server = await startTestServer()
    onTestFinished(() => server.stop())
    let t = Date.now()
    const out: string[] = []
    const lap = (what: string) => {
      out.push(`${what} ${Date.now() - t}`)
      t = Date.now()
    }
    const presenter = await enter()
    lap('enter')
    const audience = await enter()
    lap('enter')
    const link = await presenter.present(server.url)
    lap('present')
    await audience.watch(link)
    lap('watch')
    const both = [presenter, audience]
    await presenter.part('pen').click()
    lap('pen')
    await presenter.move([0.1, 0.1])
    lap('move1')
    await presenter.trace(0.25)
    lap('trace')
    await presenter.lift()
    lap('lift')
    await allShow(both, { slide: 0, strokes: 1 })
    lap('allShow')
    await presenter.part('next').click()
    lap('next')
    await allShow(both, { slide: 1, strokes: 0 })
    lap('allShow')
    await presenter.draw(0.75)
    lap('draw')
    await allShow(both, { slide: 1, strokes: 1 })
    lap('allshow')
    await allHaveInk(both, [7])
    lap('ink')
    await presenter.part('previous').click()
    lap('prev')
    await allHaveInk(both, [2])
    lap('ink')
    await presenter.page.keyboard.press('ArrowRight')
    lap('key')
    await presenter.ink()
    lap('inkP')
    await audience.ink()
    lap('inkA')
    console.log(out.join('\n'))
  })
})
