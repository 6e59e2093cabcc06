// The documents at the margin: the worst that are kept, the cutoff, and the best that are dropped. A press on one explains its score.

import { formatAmount, formatScore } from './amounts.ts';
import { make, makeButton } from './dom.ts';

export interface Listed {
  shard: string;
  row: number;
  document: string;
  source: string;
  tokens: number;
  score: number;
  benchmark?: string | undefined;
  text: string;
}

export interface Margin {
  /** Best first. */
  kept: readonly Listed[];
  dropped: readonly Listed[];
  cutoff: number | null;
}

/** Shows both sides of the cutoff, best first, with the cutoff between. */
export function showMargin(list: HTMLElement, { kept, dropped, cutoff }: Margin, chosen: { shard: string; row: number } | undefined, explain: (document: Listed) => void): void {
  const isChosen = (document: Listed): boolean => document.shard === chosen?.shard && document.row === chosen.row;
  const draw = (document: Listed): HTMLElement => drawDocument(document, isChosen(document), () => explain(document));
  list.replaceChildren(
    ...(kept.length === 0 ? [make('li', { class: 'hint' }, 'Nothing is kept.')] : kept.map(draw)),
    make('li', { class: 'line' }, make('span', {}, cutoff === null ? 'cutoff' : `cutoff ${formatScore(cutoff)}`), make('small', {}, 'kept above, dropped below')),
    ...(dropped.length === 0 ? [make('li', { class: 'hint' }, 'Nothing is dropped.')] : dropped.map(draw)),
  );
}

function drawDocument(document: Listed, chosen: boolean, explain: () => void): HTMLElement {
  const button = makeButton('', explain, { class: 'document', 'aria-pressed': String(chosen), title: `${document.shard}, row ${document.row}` });
  button.append(
    make('span', { class: 'number' }, formatScore(document.score)),
    make('span', { class: 'text' }, document.text.replace(/\s+/g, ' ').trim().slice(0, 160)),
    make('span', { class: 'quiet' }, [document.source, document.benchmark, `${formatAmount(document.tokens)} tokens`].filter(Boolean).join(' · ')),
  );
  return make('li', {}, button);
}
