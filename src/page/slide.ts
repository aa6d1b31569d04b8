import { deck, nearest } from './deck.ts'
import { el } from './dom.ts'
import { figure } from './figures.ts'

export function slideElement(index: number): HTMLElement {
  const slide = deck[nearest(index)]!
  const lines = (all: readonly string[]) => all.flatMap((line) => [el('span', {}, line), ' '])
  const picture = el('div', { class: 'figure', 'aria-hidden': slide.figure.kind !== 'code' && 'true' })
  picture.append(figure(slide.figure))
  return el(
    'article',
    {
      class: `slide slide-${slide.figure.kind}`,
      'data-testid': 'slide',
      'data-slide': index,
      'aria-roledescription': 'slide',
      'aria-label': `${index + 1} of ${deck.length}`,
    },
    el('div', { class: 'words' }, el('h2', {}, ...lines(slide.title)), el('p', {}, ...lines(slide.text))),
    picture,
  )
}
