// Switches for the benchmarks to rank by. At least one stays on, because a ranking for nothing has no
// meaning.

import type { Benchmark } from './answers.ts';
import { find, make, makeButton } from './dom.ts';
import type { State } from './state.ts';

type Change = (part: Partial<State>) => void;

const boxes = (): HTMLInputElement[] => [...find('#benchmarks', HTMLElement).querySelectorAll('input')];

/** Creates a switch for each benchmark that has a score of its own. */
export function showBenchmarks(
  benchmarks: readonly Benchmark[],
  without: readonly string[],
  change: Change,
): void {
  const scored = benchmarks.filter((benchmark) => benchmark.scored);
  const names = scored.map(({ name }) => name);
  const note = make(
    'li',
    { class: 'hint' },
    'This ranking has a single score for all benchmarks, so none can be switched off.',
  );
  find('#benchmarks', HTMLElement).replaceChildren(
    ...(scored.length === 0 ? [note] : scored.map((benchmark) => makeSwitch(benchmark, names, change))),
  );
  switchBenchmarks(without);
}

/** Sets the switches. */
export function switchBenchmarks(without: readonly string[]): void {
  const all = boxes();
  const on = all.filter(({ name }) => !without.includes(name));
  find('#benchmarkCount', HTMLElement).textContent = all.length === 0 ? '' : `${on.length} of ${all.length}`;
  for (const box of all) {
    box.checked = on.includes(box);
    box.disabled = on.length === 1 && box.checked;
  }
  for (const button of find('#benchmarks', HTMLElement).querySelectorAll('button')) {
    const alone = on.length === 1 && on[0]?.name === button.name;
    button.textContent = alone ? 'all' : 'only';
    button.setAttribute('aria-label', alone ? 'All benchmarks' : `Only ${button.name}`);
  }
}

function makeSwitch(
  { name, heldOutRocAuc }: Benchmark,
  names: readonly string[],
  change: Change,
): HTMLElement {
  const box = make('input', { type: 'checkbox', name });
  box.addEventListener('change', () =>
    change({
      without: boxes()
        .filter(({ checked }) => !checked)
        .map((other) => other.name),
    }),
  );
  const only = makeButton(
    'only',
    () => change({ without: only.textContent === 'all' ? [] : names.filter((other) => other !== name) }),
    { class: 'link', name },
  );
  const fidelity =
    heldOutRocAuc === null
      ? []
      : [
          make(
            'small',
            {
              class: 'quiet',
              title: 'Held-out ROC-AUC: how well the score finds the documents nearest to this benchmark',
            },
            heldOutRocAuc.toFixed(2),
          ),
        ];
  return make('li', {}, make('label', {}, box, name), only, ...fidelity);
}
