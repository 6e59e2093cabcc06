// What to be careful about in an answer, one sentence each: its assumptions, its flags, and unfilled quotas.

import { formatAmount, formatCount, formatFlops, formatShare } from '../../run/amounts.ts';
import { smallestPoolTokens } from './laws.ts';
import type { Flag } from './question.ts';
import type { Assumptions, Sums } from './summary.ts';

const fixedScoreCaveat =
  'A fixed score holds for this ranking only: another scorer, or the same one trained again, gives the same ' +
  'document another score.';

const learnedCaveat =
  "These are the classifier's scores, not the judge's: they order documents as the judge would, on another scale. " +
  'Use a share (--keep) instead, or judge the whole corpus (betr rank --scorer lm:JUDGE --all).';

/** What to be careful about with a score as the cutoff, in a ranking by a scorer as for --scorer. */
export function describeFixedScore(scorer: string | undefined): string[] {
  const isLearned = scorer !== undefined && /^(?:cross-fit:)?lm:/.test(scorer) && !scorer.endsWith('#all');
  return [...(isLearned ? [learnedCaveat] : []), fixedScoreCaveat];
}

/** The caveats of an answer, most general first. */
export function listCaveats(answer: Sums, assumptions: Assumptions): string[] {
  return [
    ...(answer.pool === undefined ? [] : ['The ranked corpus is assumed to be a random sample of the pool.']),
    ...answer.flags.flatMap((flag) => describeFlag(flag, answer, assumptions)),
    ...describeUnfilled(assumptions),
  ];
}

function describeFlag(
  flag: Flag,
  { keep, model, pool }: Sums,
  { law, maxEpochs, quotas, scorer }: Assumptions,
): string | string[] {
  switch (flag) {
    case 'extrapolated':
      return model !== null && model.flops < law.fittedFlops.from
        ? `The budget is below ${formatFlops(law.fittedFlops.from)} FLOPs, the smallest the law was fitted on.`
        : `The budget is above ${formatFlops(law.fittedFlops.to)} FLOPs, the largest the law was fitted on.`;
    case 'far-from-compute-optimal':
      return (
        'The law is for compute-optimal training; ' +
        `${formatAmount(model?.tokensPerParam ?? 0)} tokens per parameter is far from that.`
      );
    case 'below-tested-rates':
      return (
        `No rate below ${formatShare(law.lowestTestedRate)} was tested ` +
        `in ${law.calibrated === true ? 'your runs' : 'the paper'}.`
      );
    case 'pool-too-small':
      return `Even the whole pool is too small: training would repeat it more than ${maxEpochs} times.`;
    case 'corpus-far-below-law-range': {
      const sizes =
        'The law was fitted on pools of trillions of tokens, and this one has fewer ' +
        `than ${formatAmount(smallestPoolTokens)}.`;
      return pool === undefined
        ? `${sizes} If it is a sample of a larger pool, give the size of the pool.`
        : sizes;
    }
    case 'tokens-estimated':
      return 'Token counts are estimated.';
    case 'score-ties':
      return 'The cut falls among documents with equal scores, and their keys decide.';
    case 'nothing-kept':
      if (keep.setBy === 'score')
        return `Nothing is kept: no document has a score of ${keep.score ?? 0} or higher.`;
      return quotas === undefined
        ? 'Nothing is kept: the best document alone exceeds the share.'
        : 'Nothing is kept: in every domain the best document alone exceeds the quota.';
    case 'fixed-score':
      return describeFixedScore(scorer);
  }
}

/** Quotas larger than their domains. */
function describeUnfilled({ quotas = [] }: Assumptions): string[] {
  const short = quotas.filter(({ quotaTokens, ofTokens }) => quotaTokens > ofTokens);
  if (short.length === 0) return [];
  const missing = short.reduce((sum, { quotaTokens, ofTokens }) => sum + quotaTokens - ofTokens, 0);
  return [
    `${formatCount(short.length)} of ${formatCount(quotas.length)} domains have fewer tokens than their ` +
      `quotas; the missing ${formatAmount(missing)} tokens are not replaced.`,
  ];
}
