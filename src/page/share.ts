import qrcode from 'qrcode-generator'
import { button, el, svg } from './dom.ts'
import { icon } from './icons.ts'

/** Modules of white around a QR code, which ISO 18004 asks for. */
const QUIET = 4

function qr(text: string): SVGSVGElement {
  const code = qrcode(0, 'M')
  code.addData(text)
  code.make()
  const count = code.getModuleCount()
  const rows = Array.from({ length: count }, (_, row) => row)
  const dark = rows.flatMap((row) =>
    rows.filter((column) => code.isDark(row, column)).map((x) => `M${x} ${row}h1v1h-1z`),
  )
  const size = count + 2 * QUIET
  return svg(
    'svg',
    {
      viewBox: `${-QUIET} ${-QUIET} ${size} ${size}`,
      class: 'qr',
      'data-testid': 'qr',
      role: 'img',
      'aria-label': 'The link as a QR code',
      'shape-rendering': 'crispEdges',
    },
    svg('path', { d: dark.join('') }),
  )
}

async function copy(text: string, shown: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // A page that was opened by a plain http address has no clipboard: copy by hand what is shown.
    getSelection()?.selectAllChildren(shown)
    return document.execCommand('copy')
  }
}

/** The link that the audience opens: to scan, to read and to copy. */
export function shareCard(link: string): HTMLElement {
  const { host, hostname } = new URL(link)
  const address = el('a', { href: link, target: '_blank', rel: 'noopener', class: 'link', 'data-testid': 'link' }, link)
  const copying = button(
    'Copy link',
    { 'data-testid': 'copy', class: 'quiet' },
    async () => {
      const words = copying.querySelector('.words')!
      words.textContent = (await copy(link, address)) ? 'Copied' : 'Copy what is selected'
      setTimeout(() => {
        words.textContent = 'Copy link'
      }, 2000)
    },
    icon('copy'),
  )
  const card = el('section', { class: 'share', 'aria-label': 'Invite' }, qr(link), el('div', {}, address, copying))
  if (/^(localhost|127\.|\[::1\])/.test(hostname)) {
    const hint = `${host} is this computer alone. Open this page by the computer’s network address to invite others.`
    card.append(el('p', { class: 'hint' }, hint))
  }
  return card
}
