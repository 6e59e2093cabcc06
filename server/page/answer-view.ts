// The answer: what to keep in one line, its figures, what to be careful about, and the sentence for a plan.

import { formatAmount, formatCount, formatFlops, formatScore, formatShare } from './amounts.ts';
import type { Answer } from './answers.ts';
import { find, make } from './dom.ts';

/** Cautions as a reader needs them; the sentence for the plan has them in full. */
const cautions: Record<string, string> = {
  extrapolated: 'Outside the budgets that the law was fitted on (6e18 to 6e21 FLOPs, trusted to 1e22).',
  'far-from-compute-optimal': 'The law is one of compute-optimal training, and this is not near it.',
  'below-tested-rates': 'Nothing below 3 % was tested in the paper.',
  'pool-too-small': 'Even the whole pool has to be repeated more often than allowed.',
  'corpus-far-below-law-range':
    'The law was fitted on pools of trillions of tokens. If this corpus is a sample of a larger pool, ' +
    'name its tokens under Assumptions.',
  'tokens-estimated': 'Token counts are estimated.',
  'score-ties': 'The cut goes through documents of equal score, which their keys decide.',
  'nothing-kept': 'The best document alone is larger than the share: nothing is kept.',
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
    pool === undefined ? ' of the tokens' : ` of the pool’s tokens`,
  );
  const setBy =
    keep.setBy === 'law'
      ? `By the law ${law?.name ?? ''}`
      : keep.setBy === 'data floor'
        ? 'Set by the size of the pool, above what the law asks for'
        : 'As asked';
  find('#band', HTMLElement).textContent = `${setBy}${
    model === null ? '' : `, for ${formatFlops(model.flops)} ` + 'FLOPs'
  }. ${
    keep.low < keep.high
      ? `Anything from ${formatShare(keep.low)} ` + `to ${formatShare(keep.high)} costs little.`
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
      'Passes',
      repetition === null ? '–' : String(Number(repetition.epochs.toPrecision(3))),
      repetition === null || repetition.epochs > 1 ? 'over the kept tokens' : 'no token is seen twice',
    ),
    figure(
      'Worth in fresh tokens',
      repetition === null ? '–' : formatAmount(repetition.effectiveTokens),
      model === null ? '' : `of ${formatAmount(model.tokens)} seen`,
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

/** Copies the sentence on a press of its button, and says that it did. */
export function openCopyButton(): void {
  const button = find('#copy', HTMLButtonElement);
  const label = button.textContent;
  button.addEventListener('click', () => {
    void navigator.clipboard.writeText(find('#summary', HTMLElement).textContent).then(
      () => (button.textContent = 'Copied'),
      () => (button.textContent = 'Select and copy it by hand'),
    );
    setTimeout(() => (button.textContent = label), 2000);
  });
}
