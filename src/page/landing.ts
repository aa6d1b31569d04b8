import { button, el } from './dom.ts'
import { hall } from './hall.ts'
import { brand } from './icons.ts'

export function masthead(...more: Node[]): HTMLElement {
  return el('header', { class: 'masthead' }, el('a', { href: '/', class: 'brand' }, brand(), 'roomcast'), ...more)
}

/** What one meets at `/`. `notice` is what went wrong, if one did not come here by one's own will. */
export function landing(root: HTMLElement, open: () => void, notice?: { says: string; button: string }): void {
  const present = button(notice?.button ?? 'Present', { class: 'primary', 'data-testid': 'present' }, open)
  const words = el(
    'div',
    { class: 'pitch' },
    el('h1', {}, el('span', {}, 'One presents.'), ' ', el('span', {}, 'Everyone'), ' ', el('span', {}, 'is there.')),
    el(
      'p',
      {},
      'roomcast shows your slide, your pointer and your pen on every screen that has the link, ' +
        'and whoever comes late sees the present moment at once.',
    ),
  )
  if (notice !== undefined) words.append(el('p', { class: 'notice', role: 'alert' }, notice.says))
  words.append(present)
  root.replaceChildren(masthead(), el('main', { class: 'landing' }, words, hall().element))
  document.title = 'roomcast'
}
