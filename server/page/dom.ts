// Helpers for the document: find an element, create one, make a button.

type Attributes = Record<string, string | boolean | undefined>;
type Child = Node | string;

/** The element of a selector. Throws if there is none, which would be a bug. */
export function find<T extends Element>(
  selector: string,
  kind: abstract new () => T,
  root: ParentNode = document,
): T {
  const found = root.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`The page has no ${selector}.`);
  return found;
}

/**
 * Creates an element. `true` sets an attribute without a value; `false` and undefined leave it out. Text is
 * never parsed as HTML.
 */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children);
  return element;
}

/** A button with its action. */
export function makeButton(label: string, act: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const button = make('button', { type: 'button', ...attributes }, label);
  button.addEventListener('click', act);
  return button;
}

/** Sets a value that CSS reads as `--name`; the page's own policy forbids inline style attributes. */
export function setVariable(element: HTMLElement, name: string, value: string): void {
  element.style.setProperty(`--${name}`, value);
}
