// The mixture before and after the cut: each source's, and each winning benchmark's, share of the tokens.

import { formatShare } from './amounts.ts';
import type { Composition, MixtureChange } from './answers.ts';
import { find, make, setVariable } from './dom.ts';

interface Change {
  name: string;
  before: number;
  after: number;
  /** Share after over share before. */
  lift: number;
}

const rowsAtMost = 14;

/** Shows both tables; the one of benchmarks only if they have scores of their own. */
export function showComposition({ sources, benchmarks }: Composition): void {
  const change = (name: string, { before, after, lift }: MixtureChange): Change => ({
    name,
    before: before.share,
    after: after.share,
    lift,
  });
  showChanges(
    find('#bySource', HTMLElement),
    'Source',
    sources.map((of) => change(of.source === '' ? 'no source' : of.source, of)),
  );
  const holder = find('#byBenchmark', HTMLElement);
  if (benchmarks.length > 0)
    showChanges(
      holder,
      'Best for',
      benchmarks.map((of) => change(of.benchmark, of)),
    );
  else
    holder.replaceChildren(
      make(
        'p',
        { class: 'hint' },
        'This ranking has no score per benchmark, so documents cannot be assigned to benchmarks.',
      ),
    );
}

/** A table of bars, most favored first; the last row sums the smallest. */
function showChanges(holder: HTMLElement, title: string, changes: readonly Change[]): void {
  const rows = foldSmall(changes);
  const longest = Math.max(...rows.flatMap(({ before, after }) => [before, after]), 1e-9);
  holder.replaceChildren(
    make(
      'table',
      { class: 'bars' },
      make(
        'thead',
        {},
        make(
          'tr',
          {},
          head(title),
          head('Share of tokens'),
          head('Before', 'number'),
          head('After', 'number'),
          head('Change', 'number'),
        ),
      ),
      make('tbody', {}, ...rows.map((row) => drawRow(row, longest))),
    ),
  );
}

function head(text: string, kind?: string): HTMLElement {
  return make('th', { scope: 'col', class: kind }, text);
}

function drawRow({ name, before, after, lift }: Change, longest: number): HTMLElement {
  const bar = (share: number, kind: string): HTMLElement => {
    const line = make('i', { class: kind });
    setVariable(line, 'share', String(share / longest));
    return line;
  };
  return make(
    'tr',
    {},
    make('th', { scope: 'row', title: name }, name),
    make('td', { class: 'bar', 'aria-hidden': 'true' }, bar(before, 'dropped'), bar(after, 'kept')),
    make('td', { class: 'number quiet' }, formatSmallShare(before)),
    make('td', { class: 'number' }, formatSmallShare(after)),
    make('td', { class: `number ${lift >= 1 ? 'more' : 'less'}` }, formatLift(lift)),
  );
}

/** 1.8 as "× 1.8", 0.013 as "× 0.01". */
export function formatLift(lift: number): string {
  if (lift === 0) return 'none left';
  return lift < 0.005
    ? '× 0.00'
    : `× ${lift >= 10 ? lift.toFixed(0) : lift >= 1 ? lift.toFixed(1) : lift.toFixed(2)}`;
}

function formatSmallShare(share: number): string {
  return share > 0 && share < 0.001 ? '< 0.1%' : formatShare(share);
}

function foldSmall(changes: readonly Change[]): readonly Change[] {
  const sorted = changes.toSorted((a, b) => b.lift - a.lift || b.before - a.before);
  if (sorted.length <= rowsAtMost) return sorted;
  const large = new Set(
    changes
      .toSorted((a, b) => Math.max(b.before, b.after) - Math.max(a.before, a.after))
      .slice(0, rowsAtMost - 1),
  );
  const rest = sorted.filter((change) => !large.has(change));
  const [before, after] = [
    rest.reduce((sum, change) => sum + change.before, 0),
    rest.reduce((sum, change) => sum + change.after, 0),
  ];
  return [
    ...sorted.filter((change) => large.has(change)),
    { name: `${rest.length} others`, before, after, lift: before === 0 ? 0 : after / before },
  ];
}
