// The evaluation: how well each scorer's selection fits held-out benchmark examples, compared with a random
// selection of the same size.

import { formatCount, formatShare } from './amounts.ts';
import type { Evaluation } from './answers.ts';
import { find, make } from './dom.ts';

type Selection = Evaluation['selections'][number];

export function showEvaluation({ trainWords, rankings, selections }: Evaluation): void {
  const examples = selections[0]?.targetMatch.mean.bitsPerByte.n ?? 0;
  find('#evaluationNote', HTMLElement).textContent =
    `A small language model is trained on ${formatCount(trainWords)} words of each selection and tested ` +
    `on ${formatCount(examples)} held-out benchmark examples and on held-out text from the other ` +
    'sources. Gain: bits per byte saved over a random selection of the same size, with 95% intervals. ' +
    `Measured on ranking ${rankings[0]?.generation ?? ''}.`;
  const sorted = selections.toSorted(
    (a, b) => a.keep - b.keep || b.targetMatch.mean.gain.value - a.targetMatch.mean.gain.value,
  );
  find('#evaluationTable', HTMLTableElement).replaceChildren(
    make(
      'thead',
      {},
      make(
        'tr',
        {},
        head('Kept'),
        head('Scorer'),
        head('Gain', 'number'),
        head('Verdict'),
        head('Gain on other sources', 'number'),
        head('Bits per byte', 'number'),
      ),
    ),
    make(
      'tbody',
      {},
      ...sorted.map((selection, index) => drawLine(selection, sorted[index - 1]?.keep !== selection.keep)),
    ),
  );
}

function head(text: string, kind?: string): HTMLElement {
  return make('th', { scope: 'col', class: kind }, text);
}

/** `first`: whether this is the first line of its share. */
function drawLine({ scorer, keep, verdict, targetMatch, offTarget }: Selection, first: boolean): HTMLElement {
  const bad = verdict === 'no better than random';
  const { bitsPerByte } = targetMatch.mean;
  const isBaseline = verdict === 'baseline';
  return make(
    'tr',
    first ? { class: 'first' } : {},
    make('td', {}, first ? formatShare(keep) : ''),
    make('th', { scope: 'row' }, scorer),
    gain(targetMatch, scorer),
    make('td', { class: bad ? 'bad' : 'quiet' }, isBaseline ? '' : verdict),
    gain(offTarget, scorer),
    make('td', { class: 'number' }, `${bitsPerByte.value.toFixed(3)} `, interval(bitsPerByte)),
  );
}

function gain({ mean }: Selection['targetMatch'], scorer: string): HTMLElement {
  if (scorer === 'random') return make('td', { class: 'number quiet' }, '–');
  const { value } = mean.gain;
  return make('td', { class: 'number' }, make('b', {}, signed(value)), ' ', interval(mean.gain));
}

function interval({ low, high }: { low: number; high: number }): HTMLElement {
  return make('small', { class: 'quiet' }, `${number(low)} to ${number(high)}`);
}

function number(value: number): string {
  return value.toFixed(3).replace('-', '−');
}

function signed(value: number): string {
  return value > 0 ? `+${number(value)}` : number(value);
}
