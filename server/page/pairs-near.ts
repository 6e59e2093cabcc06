// Pairs near the cut: both answers side by side, with the words that differ marked, and why a pair is difficult.

import { formatCount, formatShare } from './amounts.ts';
import { askJson, problemOf } from './ask.ts';
import { make, makeButton } from './dom.ts';
import type { NearCut, ShownPair, ShownText, WhyPair } from './pairs-answers.ts';
import { compareWords, type Part } from './word-diff.ts';

/** Answers with fewer common words are different texts: marking nearly every word would say nothing. */
const commonAtLeast = 0.3;
const valuesAtOnce = 12;

/** The pairs of both sides. `whyPath` is the address that explains one. */
export function drawNear({ kept, dropped }: NearCut, whyPath: (id: string) => string): HTMLElement[] {
  const side = (title: string, pairs: readonly ShownPair[], none: string): HTMLElement =>
    make(
      'section',
      { 'aria-label': title },
      make('h4', {}, title),
      ...(pairs.length === 0
        ? [make('p', { class: 'hint' }, none)]
        : pairs.map((pair) => drawPair(pair, whyPath(pair.id)))),
    );
  return [
    side('The hardest that are kept', kept, 'No pair is kept.'),
    side('The easiest that are dropped', dropped, 'No pair is dropped.'),
  ];
}

function drawPair(pair: ShownPair, path: string): HTMLElement {
  const { id, difficulty, source, category, language, prompt, chosen, rejected, scoreChosen, scoreRejected } =
    pair;
  const { left, right, common } = compareWords(chosen.text, rejected.text);
  const isMarked = common >= commonAtLeast;
  const why = make('div', { class: 'pair-why', hidden: true });
  const button = makeButton(
    'Why?',
    () => {
      why.hidden = !why.hidden;
      button.setAttribute('aria-expanded', String(!why.hidden));
      if (why.childElementCount === 0) void explain(why, path);
    },
    { class: 'link', 'aria-expanded': 'false', 'aria-label': `Why is pair ${id} difficult?` },
  );
  const about = [source, category, language].filter((part) => part !== null).join(' · ');
  return make(
    'article',
    { class: 'pair-near', 'data-pair': id },
    make(
      'header',
      {},
      make('b', {}, difficulty === null ? '' : difficulty.toPrecision(4)),
      make('span', {}, id),
      make('span', { class: 'quiet' }, about),
      button,
    ),
    make('p', { class: 'prompt' }, show(prompt)),
    make(
      'div',
      { class: 'sides' },
      drawSide('Chosen', scoreChosen, chosen, isMarked ? left : undefined, 'up'),
      drawSide('Rejected', scoreRejected, rejected, isMarked ? right : undefined, 'down'),
    ),
    ...(isMarked ? [] : [make('p', { class: 'hint' }, 'The answers share few words, so none is marked.')]),
    why,
  );
}

function drawSide(
  title: string,
  score: number | null,
  text: ShownText,
  parts: readonly Part[] | undefined,
  kind: string,
): HTMLElement {
  return make(
    'div',
    {},
    make(
      'h5',
      {},
      `${title}${score === null ? '' : `, score ${score}`}, ${formatCount(text.characters)} characters`,
    ),
    make(
      'div',
      { class: 'document-text', tabindex: '0', role: 'region', 'aria-label': `${title} answer` },
      ...(parts?.map(({ text: part, differs }) => (differs ? make('mark', { class: kind }, part) : part)) ?? [
        text.text,
      ]),
      text.text.length < text.characters ? '…' : '',
    ),
  );
}

function show({ text, characters }: ShownText): string {
  return text.length < characters ? `${text}…` : text;
}

async function explain(holder: HTMLElement, path: string): Promise<void> {
  holder.replaceChildren(make('p', { class: 'hint' }, 'Reading…'));
  try {
    holder.replaceChildren(...drawWhy(await askJson<WhyPair>(path, ['places', 'values', 'reasons'])));
  } catch (error) {
    holder.replaceChildren(make('p', { class: 'problem', role: 'alert' }, problemOf(error).message));
  }
}

function drawWhy({ places, values, moreValues, reasons }: WhyPair): HTMLElement[] {
  const listed = values.slice(0, valuesAtOnce);
  const more = values.length - listed.length + moreValues;
  const hasSteps = values.some(({ checkpoint }) => checkpoint !== null);
  return [
    make('ul', {}, ...reasons.map((reason) => make('li', {}, reason))),
    ...(places.length === 0
      ? []
      : [
          drawTable(
            ['Among', 'Pairs', 'Easier', 'Their quartiles'],
            places.map(({ by, group, known, easier, low, median, high }) => [
              by === null ? 'all pairs' : `${by} ${group ?? ''}`,
              formatCount(known),
              formatShare(easier),
              [low, median, high].map((value) => value.toPrecision(3)).join(' · '),
            ]),
          ),
        ]),
    ...(listed.length === 0
      ? []
      : [
          drawTable(
            ['Model', ...(hasSteps ? ['Checkpoint'] : []), 'Margin', 'Loss'],
            listed.map(({ model, checkpoint, margin, loss }) => [
              model,
              ...(hasSteps ? [checkpoint === null ? '' : formatCount(checkpoint)] : []),
              margin.toPrecision(3).replace('-', '−'),
              loss.toPrecision(4),
            ]),
          ),
        ]),
    ...(more > 0
      ? [make('p', { class: 'hint' }, `${formatCount(more)} more values; the JSON has them.`)]
      : []),
  ];
}

function drawTable(heads: readonly string[], rows: readonly (readonly string[])[]): HTMLElement {
  const kind = (index: number): string | undefined => (index === 0 ? undefined : 'number');
  return make(
    'table',
    {},
    make(
      'thead',
      {},
      make('tr', {}, ...heads.map((head, index) => make('th', { scope: 'col', class: kind(index) }, head))),
    ),
    make(
      'tbody',
      {},
      ...rows.map((cells) =>
        make(
          'tr',
          {},
          ...cells.map((cell, index) =>
            index === 0 ? make('th', { scope: 'row' }, cell) : make('td', { class: 'number' }, cell),
          ),
        ),
      ),
    ),
  );
}
