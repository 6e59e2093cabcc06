// The documents around the cutoff: the lowest kept, the cutoff, and the highest dropped. The list appears
// at once; the texts are read from the corpus and come later. A click on a document explains its score.

import { formatAmount, formatScore } from './amounts.ts';
import type { Margin, ShownDocument } from './answers.ts';
import { find, make, makeButton } from './dom.ts';
import type { State } from './state.ts';

export interface MarginView {
  /** Shows both sides of the cutoff, best first. */
  show(margin: Margin, chosen: State['document']): void;
  /** Fills in the texts. */
  fill(margin: Margin): void;
  /** Moves the keyboard focus back to a document. */
  focus(document: State['document']): void;
}

const textsAtMost = 2000;

function isChosen({ shard, row }: DOMStringMap, chosen: State['document']): boolean {
  return chosen !== undefined && shard === chosen.shard && row === String(chosen.row);
}

export function openMarginView(explain: (document: ShownDocument) => void): MarginView {
  const list = find('#marginList', HTMLElement);
  const unread = find('#unread', HTMLElement);
  const texts = new Map<string, string>();
  let shown: Margin | undefined;
  const keyOf = ({ shardId, row, document }: ShownDocument): string => `${shardId} ${row} ${document}`;

  const draw = (document: ShownDocument, chosen: State['document']): HTMLElement => {
    const place = { shard: document.shardId, row: String(document.row) };
    const button = makeButton('', () => explain(document), {
      class: 'document',
      'data-shard': place.shard,
      'data-row': place.row,
      'aria-pressed': String(isChosen(place, chosen)),
      title: `${document.shard}, row ${document.row}`,
    });
    button.append(
      make('span', { class: 'number' }, formatScore(document.score)),
      make(
        'span',
        { class: 'text', 'data-document': keyOf(document) },
        texts.get(keyOf(document)) ?? document.document,
      ),
      make(
        'span',
        { class: 'quiet' },
        [document.source, `${formatAmount(document.tokens)} tokens`]
          .filter((part) => part !== '')
          .join(' · '),
      ),
    );
    return make('li', {}, button);
  };
  return {
    show(margin, chosen) {
      if (margin === shown) {
        // The same documents: keeps the keyboard focus.
        for (const button of list.querySelectorAll('button'))
          button.setAttribute('aria-pressed', String(isChosen(button.dataset, chosen)));
        return;
      }
      shown = margin;
      const { kept, dropped, cutoff } = margin;
      const [above, below] = [kept?.documents ?? [], dropped?.documents ?? []];
      const score = cutoff?.score ?? null;
      list.replaceChildren(
        ...(above.length === 0
          ? [make('li', { class: 'hint' }, 'Nothing is kept.')]
          : above.toReversed().map((document) => draw(document, chosen))),
        make(
          'li',
          { class: 'line' },
          make('span', {}, score === null ? 'cutoff' : `cutoff ${formatScore(score)}`),
          make('small', {}, 'kept above, dropped below'),
        ),
        ...(below.length === 0
          ? [make('li', { class: 'hint' }, 'Nothing is dropped.')]
          : below.map((document) => draw(document, chosen))),
      );
    },
    focus(document) {
      [...list.querySelectorAll('button')].find((button) => isChosen(button.dataset, document))?.focus();
    },
    fill({ kept, dropped }) {
      if (texts.size > textsAtMost) texts.clear();
      const documents = [...(kept?.documents ?? []), ...(dropped?.documents ?? [])];
      for (const document of documents)
        if (document.text !== null) texts.set(keyOf(document), document.text.replace(/\s+/g, ' ').trim());
      const [problem] = documents.flatMap((document) => document.problem ?? []);
      unread.hidden = problem === undefined;
      unread.textContent = problem === undefined ? '' : `Some texts cannot be read: ${problem.detail}`;
      for (const shown of list.querySelectorAll<HTMLElement>('[data-document]')) {
        const text = texts.get(shown.dataset['document'] ?? '');
        if (text !== undefined) shown.textContent = text;
      }
    },
  };
}
