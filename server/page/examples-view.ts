// Benchmark examples: for each benchmark a few in full, the recipes that made them, and what was left out
// of its rows.

import { formatCount } from './amounts.ts';
import type { Examples } from './answers.ts';
import { find, make } from './dom.ts';

type Benchmark = Examples['benchmarks'][number];

export function showExamples({ benchmarks, recipeNames }: Examples): void {
  const list = find('#examplesList', HTMLElement);
  const open = new Set([...list.querySelectorAll<HTMLDetailsElement>('details[open]')].map(({ id }) => id));
  list.replaceChildren(...benchmarks.map((benchmark) => drawBenchmark(benchmark, recipeNames, open)));
}

/** `open`: the ids of the benchmarks that the user has opened. */
function drawBenchmark(
  { benchmark, examples, quarantined, recipes, refused, unused, shown }: Benchmark,
  recipeNames: Examples['recipeNames'],
  open: ReadonlySet<string>,
): HTMLElement {
  const id = `examples-${benchmark}`;
  const left = [
    quarantined > 0 ? [`${formatCount(quarantined)} rows rejected`] : [],
    unused.length > 0
      ? [`${formatCount(unused.length)} unused ${unused.length === 1 ? 'field' : 'fields'}`]
      : [],
  ].flat();
  const notes = [
    ...recipes.map(({ recipe, rows }) => `${formatCount(rows)} rows by ${recipeNames[recipe] ?? recipe}`),
    ...refused.map(
      ({ reason, rows, first }) => `${formatCount(rows)} rows rejected, first at ${first}: ${reason}`,
    ),
    ...unused.map(({ field, rows }) => `field “${field}” is unused (${formatCount(rows)} rows)`),
  ];
  return make(
    'details',
    { id, open: open.has(id) },
    make(
      'summary',
      {},
      `${benchmark} `,
      make('span', { class: 'quiet' }, [`${formatCount(examples)} examples`, ...left].join(', ')),
    ),
    make('ul', { class: 'hint' }, ...notes.map((note) => make('li', {}, note))),
    ...shown.map(({ example, recipe, text }) =>
      make(
        'figure',
        {},
        make('figcaption', { class: 'quiet' }, `${example}, by ${recipeNames[recipe] ?? recipe}`),
        make('p', { class: 'example-text' }, text),
      ),
    ),
  );
}
