// The answer: the keep rate in one line, its numbers, caveats, and the summary for a plan.

import { formatAmount, formatCount, formatFlops, formatScore, formatShare } from './amounts.ts';
import type { Answer } from './answers.ts';
import { find, make } from './dom.ts';

export function showAnswer({
  keep,
  cutoff,
  model,
  repetition,
  law,
  caveats,
  pool,
  ranking,
  benchmarks,
  summary,
}: Answer): void {
  find('#keep', HTMLElement).replaceChildren(
    'Keep the best ',
    make('strong', {}, formatShare(keep.rate)),
    pool === undefined ? ' of the tokens' : ' of the pool’s tokens',
  );
  const setBy =
    keep.setBy === 'law'
      ? `From the law ${law?.name ?? ''}`
      : keep.setBy === 'data floor'
        ? 'Raised above the law’s rate by the pool size'
        : 'As requested';
  find('#band', HTMLElement).textContent = `${setBy}${
    model === null ? '' : `, for ${formatFlops(model.flops)} FLOPs`
  }. ${
    keep.low < keep.high
      ? `Any rate from ${formatShare(keep.low)} to ${formatShare(keep.high)} does about as well.`
      : ''
  }`;
  find('#figures', HTMLElement).replaceChildren(
    figure(
      benchmarks === undefined ? 'Score cutoff' : 'Percentile cutoff',
      cutoff.score === null ? '–' : formatScore(cutoff.score),
      benchmarks === undefined ? 'and above' : 'and above, for any benchmark',
      'cutoff',
    ),
    figure('Documents kept', formatCount(cutoff.documents), `of ${formatCount(cutoff.ofDocuments)}`),
    figure('Tokens kept', formatAmount(cutoff.tokens), `of ${formatAmount(cutoff.ofTokens)}`),
    ...(pool === undefined
      ? []
      : [figure('Tokens of the pool', formatAmount(pool.kept), `of ${formatAmount(pool.tokens)}`)]),
    figure(
      'Epochs',
      repetition === null ? '–' : String(Number(repetition.epochs.toPrecision(3))),
      repetition === null || repetition.epochs > 1 ? 'over the kept tokens' : 'no token is repeated',
    ),
    figure(
      'Effective tokens',
      repetition === null ? '–' : formatAmount(repetition.effectiveTokens),
      model === null ? '' : `of ${formatAmount(model.tokens)} trained on`,
    ),
  );
  const list = find('#caveats', HTMLElement);
  list.hidden = caveats.length === 0;
  list.replaceChildren(...caveats.map((caveat) => make('li', {}, caveat)));
  find('#summary', HTMLElement).textContent = summary;
  const published = new Date(ranking.publishedAt).toLocaleString(undefined, {
    dateStyle: 'medium',
    timeStyle: 'short',
  });
  find('#facts', HTMLElement).textContent =
    `${formatCount(cutoff.ofDocuments)} documents · ${formatAmount(cutoff.ofTokens)} tokens · ` +
    `ranked ${published} · generation ${ranking.generation}`;
}

function figure(name: string, value: string, note: string, kind?: string): HTMLElement {
  return make(
    'div',
    { class: kind },
    make('dt', {}, name),
    make('dd', {}, make('b', {}, value), make('small', {}, note)),
  );
}

/** Copies the summary and its caveats when the button is pressed, and confirms it on the button. */
export function openCopyButton(): void {
  const button = find('#copy', HTMLButtonElement);
  const label = button.textContent;
  button.addEventListener('click', () => {
    const caveats = Array.from(find('#caveats', HTMLElement).children, (item) => `- ${item.textContent}`);
    const plan = [find('#summary', HTMLElement).textContent, ...caveats].join('\n');
    void navigator.clipboard.writeText(plan).then(
      () => (button.textContent = 'Copied'),
      () => (button.textContent = 'Copy it manually'),
    );
    setTimeout(() => (button.textContent = label), 2000);
  });
}
