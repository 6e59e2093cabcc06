// What a cut of preference pairs keeps and what each group of them loses.

import { formatCount, formatShare } from './amounts.ts';
import { find, make, setVariable } from './dom.ts';
import type { KeepAnswer } from './pairs-answers.ts';

const rowsAtMost = 14;

export function showKeepAnswer({ keep, why, from, pairs, threshold, groups, caveats }: KeepAnswer): void {
  find('#pairsKeep', HTMLElement).replaceChildren(
    'Keep the easiest ',
    make('strong', {}, formatShare(keep)),
    `: ${formatCount(pairs.kept)} of ${formatCount(pairs.known)} pairs`,
    threshold === null ? '' : `, up to a difficulty of ${threshold.toPrecision(4)}`,
  );
  find('#pairsWhy', HTMLElement).textContent = from === 'keep' ? '' : why;
  find('#pairsCaveats', HTMLElement).replaceChildren(...caveats.map((caveat) => make('li', {}, caveat)));
  find('#pairsLosses', HTMLElement).replaceChildren(
    ...(groups.length === 0
      ? [make('p', { class: 'hint' }, 'No pair has a source, category or language.')]
      : groups.map(drawGroups)),
  );
}

function drawGroups({ by, groups, more }: KeepAnswer['groups'][number]): HTMLElement {
  const head = (text: string, kind?: string): HTMLElement => make('th', { scope: 'col', class: kind }, text);
  const rows = groups.slice(0, rowsAtMost);
  const rest = groups.length - rows.length + more;
  return make(
    'div',
    {},
    make(
      'table',
      { class: 'bars' },
      make(
        'thead',
        {},
        make(
          'tr',
          {},
          head(`${by.charAt(0).toUpperCase()}${by.slice(1)}`),
          head('Kept'),
          head('Pairs', 'number'),
          head('Lost', 'number'),
        ),
      ),
      make(
        'tbody',
        {},
        ...rows.map(({ group, known, kept, lost }) => {
          const bar = make('i', { class: 'kept' });
          setVariable(bar, 'share', String(known === 0 ? 0 : kept / known));
          const name = group ?? `no ${by}`;
          return make(
            'tr',
            {},
            make('th', { scope: 'row', title: name }, name),
            make('td', { class: 'bar', 'aria-hidden': 'true' }, bar),
            make('td', { class: 'number quiet' }, formatCount(known)),
            make('td', { class: 'number' }, lost === null ? '–' : formatShare(lost)),
          );
        }),
      ),
    ),
    ...(rest > 0 ? [make('p', { class: 'hint' }, `${formatCount(rest)} more; the JSON has them.`)] : []),
  );
}
