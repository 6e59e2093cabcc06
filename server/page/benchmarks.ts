// The benchmarks as switches: what the ranking is aimed at. One stays on, as a ranking for nothing has no meaning.

import { find, make, makeButton } from './dom.ts';
import type { State } from './state.ts';

type Change = (part: Partial<State>) => void;

/** Shows the switches; the same list again only sets them, so that the keyboard's place is kept. */
export function showBenchmarks(names: readonly string[], without: readonly string[], change: Change): void {
  const list = find('#benchmarks', HTMLElement);
  const off = new Set(without);
  const on = names.filter((name) => !off.has(name));
  find('#benchmarkCount', HTMLElement).textContent = names.length === 0 ? '' : `${on.length} of ${names.length}`;
  if (list.dataset['names'] !== names.join()) {
    list.dataset['names'] = names.join();
    list.replaceChildren(...(names.length === 0 ? [make('li', { class: 'hint' }, 'This ranking has one score for all benchmarks together, so none can be switched off.')] : names.map((name) => makeSwitch(name, names, change))));
  }
  for (const box of list.querySelectorAll('input')) {
    box.checked = !off.has(box.name);
    box.disabled = on.length === 1 && box.checked;
  }
  for (const button of list.querySelectorAll('button')) {
    const alone = on.length === 1 && on[0] === button.name;
    button.textContent = alone ? 'all' : 'only';
    button.setAttribute('aria-label', alone ? 'All benchmarks' : `Only ${button.name}`);
  }
}

function makeSwitch(name: string, names: readonly string[], change: Change): HTMLElement {
  const box = make('input', { type: 'checkbox', name });
  box.addEventListener('change', () => change({ without: names.filter((other) => !isOn(other)) }));
  const only = makeButton('only', () => change({ without: only.textContent === 'all' ? [] : names.filter((other) => other !== name) }), { class: 'link', name });
  return make('li', {}, make('label', {}, box, name), only);
}

function isOn(name: string): boolean {
  return [...find('#benchmarks', HTMLElement).querySelectorAll('input')].some((box) => box.name === name && box.checked);
}
