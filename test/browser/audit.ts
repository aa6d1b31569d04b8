import type { Page } from 'playwright-core'

/** A text on the page, and its contrast with what is behind it, as WCAG 2.2 defines it. */
export interface Text {
  readonly text: string
  readonly contrast: number
}

/** What has the focus, how many pixels its outline is wide, and the outline's contrast with what is around it. */
export interface Focus {
  /** Its test id, if it has one. */
  readonly on: string
  readonly outline: number
  readonly contrast: number
}

/** Lays colours over one another by a canvas, which knows each notation and transparency that a style may use. */
const COLOURS = `
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
  const luminance = (colours) => {
    for (const colour of ['white', ...colours]) {
      context.fillStyle = colour
      context.fillRect(0, 0, 1, 1)
    }
    const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data]
      .map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const grounds = (element) =>
    element === null ? [] : [...grounds(element.parentElement), getComputedStyle(element).backgroundColor]
  const contrast = (colour, behind) => {
    const [low, high] = [luminance(behind), luminance([...behind, colour])].sort((a, b) => a - b)
    return Math.round(((high + 0.05) / (low + 0.05)) * 100) / 100
  }
`

/** All that can be read. What cannot be used now is exempt, pictures are not text, and emoji have colours of their own. */
const TEXTS = `(() => {
  ${COLOURS}
  const isText = (element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && /[\\p{L}\\p{N}]/u.test(node.data)) &&
    element.checkVisibility() &&
    element.closest('svg, [aria-disabled=true]') === null
  return [...document.body.querySelectorAll('*')]
    .filter(isText)
    .map((element) => ({ text: element.textContent, contrast: contrast(getComputedStyle(element).color, grounds(element)) }))
})()`

const FOCUS = `(() => {
  ${COLOURS}
  const element = document.activeElement
  const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element)
  return {
    on: element.dataset.testid ?? element.localName,
    outline: outlineStyle === 'none' ? 0 : Number.parseFloat(outlineWidth),
    contrast: contrast(outlineColor, grounds(element.parentElement)),
  }
})()`

export function contrasts(page: Page): Promise<Text[]> {
  return page.evaluate(TEXTS)
}

export function focus(page: Page): Promise<Focus> {
  return page.evaluate(FOCUS)
}
