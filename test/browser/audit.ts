import type { Page } from 'playwright-core'

/** A text that is too hard to read: WCAG 2.2, 1.4.3 asks for 4.5 to 1. */
export interface Faint {
  readonly text: string
  readonly contrast: number
}

/**
 * The contrast of each text on the page with what is behind it, as WCAG 2.2 defines it. Colours are laid over one another
 * by a canvas, which knows every notation and every transparency that a style may use.
 */
const CONTRASTS = `(() => {
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
  const over = (...colours) => {
    context.clearRect(0, 0, 1, 1)
    for (const colour of ['white', ...colours]) {
      context.fillStyle = colour
      context.fillRect(0, 0, 1, 1)
    }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3)
  }
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element) =>
    element === null ? [] : [...behind(element.parentElement), getComputedStyle(element).backgroundColor]
  const contrast = (element) => {
    const grounds = behind(element)
    const [low, high] = [over(...grounds), over(...grounds, getComputedStyle(element).color)]
      .map(luminance)
      .sort((a, b) => a - b)
    return (high + 0.05) / (low + 0.05)
  }
  // What is not to be used now, and pictures, are exempt; emoji have colours of their own.
  const counts = (element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && /[\\p{L}\\p{N}]/u.test(node.data)) &&
    element.checkVisibility() &&
    element.closest('svg, [aria-disabled=true]') === null
  return [...document.body.querySelectorAll('*')]
    .filter(counts)
    .map((element) => ({ text: element.textContent, contrast: Math.round(contrast(element) * 100) / 100 }))
})()`

export async function contrasts(page: Page): Promise<Faint[]> {
  return page.evaluate<Faint[]>(CONTRASTS)
}
