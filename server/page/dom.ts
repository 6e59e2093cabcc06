// The little that the page needs of the document: find an element, make one, and say something to a screen
// reader.

type Attributes = Record<string, string | boolean | undefined>;
type Child = Node | string;

/** The element of a selector. A page without it is a defect, so it throws. */
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
 * A new element. `true` sets an attribute without a value; `false` and undefined leave it out. Text is never
 * read as HTML.
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

/** A button with what it does. */
export function makeButton(label: string, act: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const button = make('button', { type: 'button', ...attributes }, label);
  button.addEventListener('click', act);
  return button;
}

/**
 * Sets a length or share that CSS reads as `--name`; inline style attributes are closed to the page by its
 * own policy.
 */
export function setVariable(element: HTMLElement, name: string, value: string): void {
  element.style.setProperty(`--${name}`, value);
}
