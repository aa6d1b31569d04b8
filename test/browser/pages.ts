import type { BrowserContext, CDPSession, Locator, Page } from 'playwright-core'
import { expect } from 'vitest'

/** For what comes over the line or off the screen, however slow the machine is. */
export const PATIENCE = { timeout: 15_000, interval: 30 }

/** What a page shows of the show. */
export interface View {
  readonly status: string
  readonly slide: number
  readonly strokes: number
  /** Its place in per cent of the stage's width and height; empty: there is none. */
  readonly pointer: string
}

const VIEW = `(() => {
  const find = (id) => document.querySelector('[data-testid="' + id + '"]')
  const pointer = find('pointer')
  const part = (element, name) => 100 * element.style.getPropertyValue(name) + '%'
  return {
    status: find('status')?.dataset.status,
    slide: Number(find('slide')?.dataset.slide),
    strokes: Number(find('ink')?.dataset.strokes),
    pointer: pointer === null || pointer.hidden ? '' : part(pointer, '--x') + ' ' + part(pointer, '--y'),
  }
})()`

/** What is used of a canvas, which Node's types do not know. */
interface Canvas {
  readonly width: number
  readonly height: number
  getContext(kind: '2d'): {
    getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray }
  }
}

interface Layers {
  querySelectorAll(selector: 'canvas'): Iterable<Canvas>
}

/** Someone who looks at a page. */
export class Member {
  readonly page: Page
  /** What the browser complains of: errors in the console, exceptions, what the content security policy forbids. */
  readonly complaints: string[] = []
  /** All addresses that it has gone to, asked or opened a socket to. */
  readonly addresses: string[] = []
  /** All that it was sent over its sockets. */
  readonly heard: string[] = []
  #session: CDPSession | undefined

  static async in(context: BrowserContext): Promise<Member> {
    await context.addInitScript(`document.addEventListener('securitypolicyviolation', (event) => {
      console.error('forbidden by ' + event.violatedDirective + ': ' + event.blockedURI + ' ' + event.sample)
    })`)
    return new Member(await context.newPage())
  }

  constructor(page: Page) {
    this.page = page
    page.setDefaultTimeout(PATIENCE.timeout)
    page.on('console', (message) => message.type() === 'error' && this.complaints.push(message.text()))
    page.on('pageerror', (error) => this.complaints.push(String(error.stack)))
    page.on('request', (request) => this.addresses.push(request.url(), request.headers().referer ?? ''))
    page.on('framenavigated', (frame) => this.addresses.push(frame.url()))
    page.on('websocket', (socket) => {
      this.addresses.push(socket.url())
      socket.on('framereceived', ({ payload }) => this.heard.push(String(payload)))
    })
  }

  /** Opens a room. Resolves with the link for the audience. */
  async present(url: string): Promise<string> {
    await this.page.goto(url)
    await this.part('present').click()
    await this.shows({ status: 'live', slide: 0 })
    return this.link()
  }

  async watch(link: string): Promise<void> {
    await this.page.goto(link)
    await this.shows({ status: 'live' })
  }

  part(id: string): Locator {
    return this.page.getByTestId(id)
  }

  async link(): Promise<string> {
    return (await this.part('link').textContent())!
  }

  async listeners(): Promise<number> {
    return Number(await this.part('listeners').textContent())
  }

  view(): Promise<View> {
    return this.page.evaluate(VIEW)
  }

  async shows(expected: Partial<View>): Promise<void> {
    await expect.poll(() => this.view(), PATIENCE).toMatchObject(expected)
  }

  /** Moves the mouse over places on the stage, in parts of its width and height. */
  async move(...places: [x: number, y: number][]): Promise<void> {
    const box = (await this.part('stage').boundingBox())!
    for (const [x, y] of places) await this.page.mouse.move(box.x + box.width * x, box.y + box.height * y)
  }

  /** Draws a line across the stage at the height `y`; the pen stays down until `lift`. */
  async trace(y: number): Promise<void> {
    await this.move([0.1, y])
    await this.page.mouse.down()
    await this.move(
      ...Array.from({ length: 20 }, (_, i): [number, number] => [0.14 + 0.04 * i, y + 0.03 * Math.sin(i)]),
    )
  }

  async lift(): Promise<void> {
    await this.page.mouse.up()
  }

  async draw(y: number): Promise<void> {
    await this.trace(y)
    await this.lift()
  }

  /** Makes the page's processor so many times as slow: 4, and it is a phone's. */
  async slowDown(times: number): Promise<void> {
    this.#session ??= await this.page.context().newCDPSession(this.page)
    await this.#session.send('Emulation.setCPUThrottlingRate', { rate: times })
  }

  /** How much of the stage has ink on it, and which tenths of its height, counted from above. */
  ink(): Promise<{ share: number; tenths: number[] }> {
    return this.part('ink').evaluate((element) => {
      const layers = [...(element as unknown as Layers).querySelectorAll('canvas')]
      const { width, height } = layers[0]!
      const data = layers.map((canvas) => canvas.getContext('2d').getImageData(0, 0, width, height).data)
      const tenths = new Set<number>()
      let inked = 0
      for (let pixel = 0; pixel < width * height; pixel++) {
        const opacity = 1 - data.reduce((clear, layer) => clear * (1 - layer[pixel * 4 + 3]! / 255), 1)
        inked += opacity
        if (opacity > 0.5) tenths.add(Math.floor((Math.floor(pixel / width) / height) * 10))
      }
      return { share: inked / (width * height), tenths: [...tenths].sort((a, b) => a - b) }
    })
  }
}

/** All of them come to show the same. */
export async function allShow(members: readonly Member[], expected: Partial<View>): Promise<void> {
  await expect
    .poll(() => Promise.all(members.map((member) => member.view())), PATIENCE)
    .toMatchObject(members.map(() => expected))
}

/** All of them come to have the same ink: in these tenths of the height alone, and as much of it, but for rounding. */
export async function allHaveInk(members: readonly Member[], tenths: readonly number[]): Promise<void> {
  const inks = async () => {
    const inks = await Promise.all(members.map((member) => member.ink()))
    const shares = inks.map(({ share }) => share)
    const isEqual = Math.max(...shares) <= 1.05 * Math.min(...shares)
    return { tenths: inks.map((ink) => ink.tenths), shares: isEqual ? 'equal' : shares }
  }
  await expect.poll(inks, PATIENCE).toEqual({ tenths: members.map(() => tenths), shares: 'equal' })
}
