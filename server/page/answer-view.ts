// The answer: the keep rate in one line, its numbers, cautions, and the summary for a plan.

import { formatAmount, formatCount, formatFlops, formatScore, formatShare } from './amounts.ts';
import type { Answer } from './answers.ts';
import { find, make } from './dom.ts';

/** Short versions of the flags; the summary has them in full. */
const cautions: Record<string, string> = {
  extrapolated: 'Outside the range that the law was fitted on (6e18 to 6e21 FLOPs; trusted up to 1e22).',
  'far-from-compute-optimal': 'The law is for compute-optimal training, and this plan is far from it.',
  'below-tested-rates': 'The paper tested no rate below 3 %.',
  'pool-too-small': 'Even the whole pool must be repeated more often than allowed.',
  'corpus-far-below-law-range':
    'The law was fitted on pools of trillions of tokens. If this corpus is a sample of a larger pool, ' +
    'enter the size of that pool under Assumptions.',
  'tokens-estimated': 'Token counts are estimated.',
  'score-ties': 'The cut goes through documents with equal scores; their keys decide.',
  'nothing-kept': 'The best document alone is larger than the share, so nothing is kept.',
};

export function showAnswer({
  keep,
  cutoff,
  model,
  repetition,
  law,
  flags,
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
      ? `By the law ${law?.name ?? ''}`
      : keep.setBy === 'data floor'
        ? 'Set by the size of the pool, above the rate of the law'
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
  const list = find('#cautions', HTMLElement);
  list.hidden = flags.length === 0;
  list.replaceChildren(...flags.map((flag) => make('li', {}, cautions[flag] ?? flag)));
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

/** Copies the summary when its button is pressed, and confirms it. */
export function openCopyButton(): void {
  const button = find('#copy', HTMLButtonElement);
  const label = button.textContent;
  button.addEventListener('click', () => {
    void navigator.clipboard.writeText(find('#summary', HTMLElement).textContent).then(
      () => (button.textContent = 'Copied'),
      () => (button.textContent = 'Copy it manually'),
    );
    setTimeout(() => (button.textContent = label), 2000);
  });
}
