// Explains a document's score: its text with the n-grams that moved it, their contributions, and the
// nearest benchmark examples.

import { formatCount, formatScore } from './amounts.ts';
import type { Contribution, Why } from './answers.ts';
import { make, makeButton, setVariable } from './dom.ts';
import { cutByWeight } from './highlight.ts';

const shownNgrams = 8;

export function showWhy(article: HTMLElement, why: Why, close: () => void): void {
  const { document, place, explanation } = why;
  const moved = [...explanation.up, ...explanation.down];
  const most = Math.max(...moved.map(({ contribution }) => Math.abs(contribution)), 1e-12);
  const verdict = document.kept === null ? '' : document.kept ? 'kept' : 'dropped';
  article.replaceChildren(
    make(
      'header',
      {},
      make('h3', { id: 'whyTitle', tabindex: '-1' }, document.document),
      makeButton('Close', close, { class: 'link' }),
    ),
    make(
      'p',
      { class: 'quiet' },
      ...join(
        ['score ', make('b', {}, formatScore(document.score))],
        [`rank ${formatCount(place.rank)} of ${formatCount(place.of)}`],
        [verdict],
        [document.source],
        [`${document.shard.split('/').at(-1) ?? ''}, row ${document.row}`],
      ),
    ),
    make(
      'div',
      { class: 'columns' },
      listNgrams('Raised the score', explanation.up, 'up', most),
      listNgrams('Lowered the score', explanation.down, 'down', most),
    ),
    make(
      'p',
      { class: 'hint' },
      `The score is exactly the bias of ${signed(explanation.bias)} plus the contributions of ` +
        `all ${formatCount(explanation.ngrams)} n-grams; ` +
        `the ${formatCount(explanation.others.different)} that are not marked ` +
        `add ${signed(explanation.others.contribution)}.`,
    ),
    drawText(why.text, moved),
    ...(why.truncated ? [make('p', { class: 'hint' }, 'Only the beginning of the text is shown.')] : []),
    ...listExamples(why.nearest),
  );
}

/** Parts of a line joined by dots, without empty ones. */
function join(...parts: (Node | string)[][]): (Node | string)[] {
  return parts
    .filter(([first]) => first !== '')
    .flatMap((part, index) => (index === 0 ? part : [' · ', ...part]));
}

function listExamples(nearest: Why['nearest']): HTMLElement[] {
  if (!nearest.available)
    return [make('p', { class: 'hint' }, `Nearest benchmark examples: ${nearest.reason}`)];
  return [
    make('h4', {}, 'Nearest benchmark examples'),
    make(
      'ul',
      { class: 'examples' },
      ...nearest.examples.map(({ benchmark, text, cosine }) =>
        make(
          'li',
          {},
          make('b', {}, benchmark),
          make('span', { class: 'quiet' }, ` cosine ${cosine.toFixed(3)}`),
          make('p', {}, text),
        ),
      ),
    ),
  ];
}

function listNgrams(
  title: string,
  ngrams: readonly Contribution[],
  kind: 'up' | 'down',
  most: number,
): HTMLElement {
  return make(
    'table',
    { class: `ngrams ${kind}` },
    make('caption', {}, title),
    make(
      'tbody',
      {},
      ...ngrams.slice(0, shownNgrams).map(({ ngram, count, contribution }) => {
        const bar = make('i', { class: kind });
        setVariable(bar, 'share', String(Math.abs(contribution) / most));
        return make(
          'tr',
          {},
          make('th', { scope: 'row' }, ngram, ...(count > 1 ? [make('small', {}, ` × ${count}`)] : [])),
          make('td', { class: 'bar', 'aria-hidden': 'true' }, bar),
          make('td', { class: 'number' }, signed(contribution)),
        );
      }),
    ),
  );
}

/**
 * The text with highlights for what moved its score, stronger for larger contributions. They differ in
 * color and underline, and screen readers get the numbers.
 */
function drawText(text: string, moved: readonly Contribution[]): HTMLElement {
  const stretches = cutByWeight(text, moved);
  const most = Math.max(...stretches.map(({ weight }) => Math.abs(weight)), 1e-12);
  return make(
    'div',
    { class: 'document-text', tabindex: '0', role: 'region', 'aria-label': 'Text of the document' },
    ...stretches.map(({ text: part, weight }) => {
      if (weight === 0) return part;
      const mark = make('mark', { class: weight > 0 ? 'up' : 'down', title: signed(weight) }, part);
      setVariable(mark, 'share', String(Math.abs(weight) / most));
      return mark;
    }),
  );
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toPrecision(2)}`;
}
