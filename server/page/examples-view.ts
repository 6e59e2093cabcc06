// What the ranking aims at: for each benchmark some examples whole, the recipes that made them, and what of
// its rows was left out.

import { formatCount } from './amounts.ts';
import type { Examples } from './answers.ts';
import { find, make } from './dom.ts';

type Benchmark = Examples['benchmarks'][number];

export function showExamples({ benchmarks, recipeNames }: Examples): void {
  const list = find('#examplesList', HTMLElement);
  const open = new Set([...list.querySelectorAll<HTMLDetailsElement>('details[open]')].map(({ id }) => id));
  list.replaceChildren(...benchmarks.map((benchmark) => drawBenchmark(benchmark, recipeNames, open)));
}

/** `open`: the ids of those that were open. */
function drawBenchmark(
  { benchmark, examples, quarantined, recipes, refused, unused, shown }: Benchmark,
  recipeNames: Examples['recipeNames'],
  open: ReadonlySet<string>,
): HTMLElement {
  const id = `examples-${benchmark}`;
  const left = [
    quarantined > 0 ? [`${formatCount(quarantined)} rows refused`] : [],
    unused.length > 0 ? [`${formatCount(unused.length)} fields not used`] : [],
  ].flat();
  const notes = [
    ...recipes.map(({ recipe, rows }) => `${formatCount(rows)} rows by ${recipeNames[recipe] ?? recipe}`),
    ...refused.map(
      ({ reason, rows, first }) => `${formatCount(rows)} rows refused, the first ${first}: ${reason}`,
    ),
    ...unused.map(({ field, rows }) => `field “${field}” of ${formatCount(rows)} rows is not used`),
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
