import { button, el } from './dom.ts'

/** The button that ends the show, and the question whether that is meant. */
export function closing(close: () => void): { end: HTMLButtonElement; dialog: HTMLDialogElement } {
  const dialog = el(
    'dialog',
    { 'aria-labelledby': 'closing' },
    el('h2', { id: 'closing' }, 'End the show?'),
    el('p', { class: 'question' }, 'The room closes for everyone, and its slide and drawings are forgotten.'),
    el(
      'div',
      { class: 'choice' },
      button('Go on presenting', { class: 'quiet', autofocus: true }, () => dialog.close()),
      button('End the show', { class: 'primary', 'data-testid': 'confirm-end' }, () => {
        dialog.close()
        close()
      }),
    ),
  )
  return { end: button('End', { class: 'quiet end', 'data-testid': 'end' }, () => dialog.showModal()), dialog }
}
