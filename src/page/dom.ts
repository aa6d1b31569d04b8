type Attributes = Readonly<Record<string, string | number | boolean>>

const SVG = 'http://www.w3.org/2000/svg'

function fill<E extends Element>(element: E, attributes: Attributes, children: readonly (Node | string)[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) element.setAttribute(name, value === true ? '' : String(value))
  }
  element.append(...children)
  return element
}

/** An HTML element; `false` leaves an attribute out, `true` sets it empty. No `style`: the page's CSP forbids it. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children)
}

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS(SVG, tag), attributes, children)
}

export function button(
  label: string,
  attributes: Attributes,
  press: () => void,
  ...content: Node[]
): HTMLButtonElement {
  const words = el('span', content.length > 0 ? { class: 'words' } : {}, label)
  const element = el('button', { type: 'button', ...attributes }, ...content, words)
  // Not `disabled`, which would take the focus away from who has just pressed undo for the last time.
  element.addEventListener('click', () => {
    if (element.ariaDisabled !== 'true') press()
  })
  return element
}

export function enable(element: HTMLButtonElement, enabled: boolean): void {
  element.ariaDisabled = String(!enabled)
}
