import { button, el } from './dom.ts'

const REACTIONS = [
  { sign: '👏', name: 'Applaud' },
  { sign: '👍', name: 'Agree' },
  { sign: '❤️', name: 'Love it' },
]

/** Milliseconds between two reactions of one listener. */
const RESTRAINT = 500
/** How many float at a time, however large and glad the audience is. */
const CROWD = 24

/** Buttons for a listener. What `send` resolves with says whether the presenter's server has it. */
export function reactionButtons(send: (reaction: number) => Promise<boolean>): HTMLElement {
  let last = Number.NEGATIVE_INFINITY
  const buttons = REACTIONS.map(({ sign, name }, reaction) => {
    const element = button(
      sign,
      { class: 'reaction', 'aria-label': name, 'data-testid': `reaction-${reaction}` },
      async () => {
        if (performance.now() - last < RESTRAINT) return
        last = performance.now()
        if (!(await send(reaction))) return
        element.classList.add('sent')
        setTimeout(() => element.classList.remove('sent'), RESTRAINT)
      },
    )
    return element
  })
  return el('div', { class: 'reactions', role: 'group', 'aria-label': 'Answer the presenter' }, ...buttons)
}

/** Lets a reaction float up over the stage. What a listener sent may be anything. */
export function float(stage: HTMLElement, reaction: unknown): void {
  const sign = typeof reaction === 'number' ? REACTIONS[reaction]?.sign : undefined
  if (sign === undefined || stage.querySelectorAll('.float').length >= CROWD) return
  const element = el('span', { class: 'float', 'aria-hidden': true, 'data-testid': 'float' }, sign)
  element.style.left = `${72 + Math.random() * 18}%`
  element.addEventListener('animationend', () => element.remove())
  stage.append(element)
}
