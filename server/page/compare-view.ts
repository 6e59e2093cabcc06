// The comparison table: a row per model size, with the current budget among them and no filter last, and
// the change to the next row.

import { formatAmount, formatFlops, formatScore, formatShare } from './amounts.ts';
import type { Comparison } from './answers.ts';
import { find, make } from './dom.ts';

type Line = Comparison['lines'][number];
type Step = Comparison['steps'][number];

/** Shows the comparison for a budget of `budget` FLOPs. */
export function showComparison({ lines, steps }: Comparison, budget: number): void {
  // Rounded to the digits of the question.
  const isChosen = ({ model }: Line): boolean =>
    model !== null && formatFlops(model.flops) === formatFlops(budget);
  find('#compareTable', HTMLTableElement).replaceChildren(
    drawHead(),
    make('tbody', {}, ...lines.map((line, index) => drawLine(line, steps[index], isChosen(line)))),
  );
}

const testedRates = [0.03, 0.1, 0.3, 1];

function drawHead(): HTMLElement {
  const head = (text: string, options: Record<string, string> = {}): HTMLElement =>
    make('th', { scope: 'col', class: 'number', rowspan: '2', ...options }, text);
  return make(
    'thead',
    {},
    make(
      'tr',
      {},
      head('Model', { class: '' }),
      head('FLOPs'),
      head('Training tokens'),
      head('Keep'),
      head('Good range'),
      head('Score cutoff'),
      head('Tokens kept'),
      head('Epochs'),
      head('Overlap with next'),
      head('Next row adds', { class: '' }),
      head('Paper’s accuracy at', { colspan: '4', rowspan: '1', class: 'group' }),
    ),
    make('tr', {}, ...testedRates.map((rate) => head(formatShare(rate), { rowspan: '1' }))),
  );
}

function drawLine(
  { model, keep, cutoff, repetition, paperAccuracy }: Line,
  step: Step | undefined,
  chosen: boolean,
): HTMLElement {
  const cell = (text: string, kind = 'number'): HTMLElement => make('td', { class: kind }, text);
  const jaccard = step?.jaccard ?? null;
  const best = Math.max(...(paperAccuracy ?? []).map(({ accuracy }) => accuracy));
  return make(
    'tr',
    chosen ? { class: 'chosen', 'aria-current': 'true' } : {},
    make(
      'th',
      { scope: 'row' },
      model === null ? 'No filter' : `${formatAmount(model.params)}${chosen ? ' · this budget' : ''}`,
    ),
    cell(model === null ? '' : formatFlops(model.flops)),
    cell(model === null ? '' : formatAmount(model.tokens)),
    cell(formatShare(keep.rate), 'number strong'),
    cell(keep.low < keep.high ? `${formatShare(keep.low)}–${formatShare(keep.high)}` : '', 'number quiet'),
    cell(cutoff.score === null ? '–' : formatScore(cutoff.score, 2)),
    cell(formatAmount(cutoff.tokens)),
    cell(repetition === null ? '' : String(Number(repetition.epochs.toPrecision(3)))),
    cell(jaccard === null ? '' : formatShare(jaccard), 'number quiet'),
    make(
      'td',
      { class: 'quiet adds', title: step && nameLargest(step) },
      step === undefined ? '' : nameLargest(step),
    ),
    ...testedRates.map((rate) => {
      const accuracy = paperAccuracy?.find((one) => one.keep === rate)?.accuracy;
      return cell(
        accuracy === undefined ? '' : (100 * accuracy).toFixed(1),
        accuracy === best ? 'number strong' : 'number quiet',
      );
    }),
  );
}

/** The two sources from which a step adds most, and the benchmark for which it adds most. */
function nameLargest({ sources, benchmarks }: Step): string {
  const largest = <T extends { added: { tokens: number } }>(of: readonly T[], count: number): T[] =>
    of
      .filter(({ added }) => added.tokens > 0)
      .sort((a, b) => b.added.tokens - a.added.tokens)
      .slice(0, count);
  const [names, aims] = [
    largest(sources, 2).map(({ source }) => source || 'no source'),
    largest(benchmarks, 1).map(({ benchmark }) => benchmark),
  ];
  return `${names.join(', ')}${aims.length > 0 ? ` (for ${aims.join()})` : ''}`;
}
