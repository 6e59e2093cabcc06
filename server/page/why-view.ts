// Why a document has its score: its text with the n-grams that moved it, what each added, and the benchmark examples nearest to it.

import type { Contribution, Explanation } from '../../classifier/explain.ts';
import { formatScore, formatShare } from './amounts.ts';
import { make, makeButton, setVariable } from './dom.ts';
import { cutByWeight } from './highlight.ts';

export interface Why {
  document: string;
  shard: string;
  row: number;
  source: string;
  text: string;
  kept: boolean | null;
  percentile: number;
  rank: number;
  explanation: Explanation;
  nearest: readonly { benchmark: string; text: string; cosine: number }[];
}

const shownNgrams = 8;

export function showWhy(article: HTMLElement, why: Why, close: () => void): void {
  const { explanation } = why;
  const moved = [...explanation.up, ...explanation.down];
  article.replaceChildren(
    make('header', {}, make('h3', { id: 'whyTitle', tabindex: '-1' }, why.document), makeButton('Close', close, { class: 'link' })),
    make('p', { class: 'quiet' }, `score ${formatScore(explanation.score)} · better than ${formatShare(why.percentile)} of the documents · ${why.source} · ${why.shard}, row ${why.row}`),
    make('div', { class: 'columns' }, listNgrams('Moved the score up', explanation.up, 'up'), listNgrams('Moved it down', explanation.down, 'down')),
    make('p', { class: 'hint' }, `All ${explanation.ngrams} n-grams and the start of ${signed(explanation.bias)} add up to the score exactly; the ${explanation.others.different} not listed add ${signed(explanation.others.contribution)}.`),
    drawText(why.text, moved),
    ...(why.nearest.length === 0 ? [] : [make('h4', {}, 'Nearest benchmark examples'), make('ul', { class: 'examples' }, ...why.nearest.map(({ benchmark, text, cosine }) => make('li', {}, make('b', {}, benchmark), make('span', { class: 'quiet' }, ` cosine ${cosine.toFixed(3)}`), make('p', {}, text))))]),
  );
}

function listNgrams(title: string, ngrams: readonly Contribution[], kind: 'up' | 'down'): HTMLElement {
  const most = Math.abs(ngrams[0]?.contribution ?? 1);
  return make(
    'table',
    { class: `ngrams ${kind}` },
    make('caption', {}, title),
    make('tbody', {}, ...ngrams.slice(0, shownNgrams).map(({ ngram, count, contribution }) => {
      const bar = make('i', { class: kind });
      setVariable(bar, 'share', String(Math.abs(contribution) / most));
      return make('tr', {}, make('th', { scope: 'row' }, ngram, ...(count > 1 ? [make('small', {}, ` × ${count}`)] : [])), make('td', { class: 'bar', 'aria-hidden': 'true' }, bar), make('td', { class: 'number' }, signed(contribution)));
    })),
  );
}

/** The text; what moved its score is marked, the stronger the more. Told apart by colour, by underline, and to a screen reader by words. */
function drawText(text: string, moved: readonly Contribution[]): HTMLElement {
  const stretches = cutByWeight(text, moved);
  const most = Math.max(...stretches.map(({ weight }) => Math.abs(weight)), 1e-12);
  return make('div', { class: 'document-text', tabindex: '0', role: 'region', 'aria-label': 'Text of the document' }, ...stretches.map(({ text: part, weight }) => {
    if (weight === 0) return part;
    const mark = make('mark', { class: weight > 0 ? 'up' : 'down', title: signed(weight) }, part);
    setVariable(mark, 'share', String(Math.abs(weight) / most));
    return mark;
  }));
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toPrecision(2)}`;
}
