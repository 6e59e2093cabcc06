// The documents at the margin: the worst that are kept, the cutoff, and the best that are dropped. A press on one explains its score.

import { formatAmount, formatScore } from './amounts.ts';
import type { Margin, ShownDocument } from './answers.ts';
import { make, makeButton } from './dom.ts';

/** Shows both sides of the cutoff, best first, with the cutoff between. */
export function showMargin(list: HTMLElement, { kept, dropped, cutoff }: Margin, chosen: { shard: string; row: number } | undefined, explain: (document: ShownDocument) => void): void {
  const isChosen = (document: ShownDocument): boolean => document.shardId === chosen?.shard && document.row === chosen.row;
  const draw = (document: ShownDocument): HTMLElement => drawDocument(document, isChosen(document), () => explain(document));
  const [above, below] = [kept?.documents ?? [], dropped?.documents ?? []];
  const score = cutoff?.score ?? null;
  list.replaceChildren(
    ...(above.length === 0 ? [make('li', { class: 'hint' }, 'Nothing is kept.')] : above.toReversed().map(draw)),
    make('li', { class: 'line' }, make('span', {}, score === null ? 'cutoff' : `cutoff ${formatScore(score)}`), make('small', {}, 'kept above, dropped below')),
    ...(below.length === 0 ? [make('li', { class: 'hint' }, 'Nothing is dropped.')] : below.map(draw)),
  );
}

function drawDocument(document: ShownDocument, chosen: boolean, explain: () => void): HTMLElement {
  const button = makeButton('', explain, { class: 'document', 'aria-pressed': String(chosen), title: `${document.shard}, row ${document.row}` });
  button.append(
    make('span', { class: 'number' }, formatScore(document.score)),
    make('span', { class: 'text' }, (document.text ?? document.problem?.detail ?? '').replace(/\s+/g, ' ').trim().slice(0, 200)),
    make('span', { class: 'quiet' }, [document.source, `${formatAmount(document.tokens)} tokens`].filter((part) => part !== '').join(' · ')),
  );
  return make('li', {}, button);
}
