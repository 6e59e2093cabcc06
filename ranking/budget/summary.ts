// An answer in words: one sentence to paste into a plan, with the assumptions and the caveats in it.

import { formatAmount, formatCount, formatFlops, formatShare } from '../../run/amounts.ts';
import { type Law, smallestPoolTokens } from './laws.ts';
import type { Answer, Flag } from './question.ts';

/** One sentence that says what to keep, why, what that is in this corpus, and what to be careful about. */
export function summarize(answer: Omit<Answer, 'summary'>, law: Law, maxEpochs: number): string {
  const { keep, pool } = answer;
  const band =
    keep.low < keep.high ? ` (${formatShare(keep.low)} to ${formatShare(keep.high)} would cost little)` : '';
  const of =
    pool === undefined
      ? 'the tokens'
      : `a pool of ${formatAmount(pool.tokens)} tokens, of which the ranked corpus is taken to be a random sample`;
  const caveats = answer.flags.map((flag) => caveat(flag, answer, law));
  return (
    `Keep the best ${formatShare(keep.rate)} ` +
    `of ${of}${band}, ${reason(answer, law, maxEpochs)}${training(answer)}${suits(answer)}: ${result(answer)}${caveats.length > 0 ? `; caution: ${caveats.join('; ')}` : ''}.`
  );
}

function reason({ keep, model }: Omit<Answer, 'summary'>, law: Law, maxEpochs: number): string {
  const budget =
    model === null
      ? ''
      : ` for ${formatFlops(model.flops)} FLOPs (C = 6ND, ${formatAmount(model.params)} ` +
        `parameters, ${formatAmount(model.tokens)} tokens, ${formatAmount(model.tokensPerParam)} a parameter)`;
  if (keep.setBy === 'keep') return `as asked${budget}`;
  const formula =
    `${law.name} keep-rate law ` +
    `of ${
      law.calibrated === true
        ? 'your own runs'
        : law.params === undefined
          ? 'compute-optimal ' + 'training'
          : `a ${formatAmount(law.params)} model on any number of tokens`
    }, ${law.formula}`;
  return keep.setBy === 'law'
    ? `by the ${formula},${budget}`
    : `set by the size of the pool and at most ${maxEpochs} passes over it${budget}, above what ` +
        `the ${formula}, asks for`;
}

function suits({ suits }: Omit<Answer, 'summary'>): string {
  if (suits === undefined) return '';
  const to = suits.to === null ? 'up' : `to ${formatFlops(suits.to.flops)}`;
  return (
    `; by the ${suits.law} law and the size of the pool that suits ` +
    `about ${formatFlops(suits.at.flops)} FLOPs (${formatFlops(suits.from.flops)} ${to} would lose little)`
  );
}

function training({ repetition }: Omit<Answer, 'summary'>): string {
  if (repetition === null) return '';
  const { epochs, effectiveTokens } = repetition;
  return epochs > 1
    ? `, with ${Number(epochs.toPrecision(3))} passes over the kept tokens ` +
        `worth ${formatAmount(effectiveTokens)} fresh ones`
    : ', with no token seen twice';
}

function result({ cutoff, pool, ranking, benchmarks }: Omit<Answer, 'summary'>): string {
  const tokens = `${formatAmount(cutoff.tokens)} of ${formatAmount(cutoff.ofTokens)} tokens`;
  const documents = `${formatCount(cutoff.documents)} of ${formatCount(cutoff.ofDocuments)} documents`;
  const scores =
    benchmarks === undefined ? 'with scores' : `whose best corpus percentile for ${benchmarks.join(', ')} is`;
  const score =
    cutoff.score === null ? '' : ` ${scores} from about ${Number(cutoff.score.toPrecision(6))} up`;
  return `${
    pool === undefined ? '' : `${formatAmount(pool.kept)} tokens of the pool, and of the ranked ` + 'corpus '
  }${documents} (${tokens})${score} in ranking ${ranking.generation}`;
}

function caveat(
  flag: Flag,
  { model }: Omit<Answer, 'summary'>,
  { fittedFlops, lowestTestedRate, calibrated }: Law,
): string {
  switch (flag) {
    case 'extrapolated':
      return model !== null && model.flops < fittedFlops.from
        ? `the budget is below the ${formatFlops(fittedFlops.from)} FLOPs from which the law was fitted`
        : `the budget is above the ${formatFlops(fittedFlops.to)} FLOPs up to which the law was fitted`;
    case 'far-from-compute-optimal':
      return (
        'the law is one of compute-optimal training, ' +
        `and ${formatAmount(model?.tokensPerParam ?? 0)} tokens a parameter is not near it`
      );
    case 'below-tested-rates':
      return (
        `nothing below ${formatShare(lowestTestedRate)} was tested ` +
        `in ${calibrated === true ? 'your runs' : 'the paper'}`
      );
    case 'pool-too-small':
      return 'even the whole pool has to be repeated more often than allowed';
    case 'corpus-far-below-law-range':
      return (
        'the law was fitted on pools of trillions of tokens, and this one has fewer ' +
        `than ${formatAmount(smallestPoolTokens)}`
      );
    case 'tokens-estimated':
      return 'token counts are estimated';
    case 'score-ties':
      return 'the cut goes through documents of equal score, which their keys decide';
    case 'nothing-kept':
      return 'nothing is kept, as the best document alone is larger than the share';
  }
}
