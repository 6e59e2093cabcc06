// Flags an answer for everything a user should be careful about.

import type { Ranking } from '../generation.ts';
import {
  floorRate,
  isByBudget,
  type KeepRate,
  type Law,
  type Model,
  optimalTokensPerParam,
  smallestPoolTokens,
} from './laws.ts';
import { type Flag, flagNames } from './question.ts';
import type { AnyCutoff } from './answer.ts';

interface Ground {
  keep: KeepRate;
  model: Model | null;
  law: Law;
  poolTokens: number;
  maxEpochs: number;
}

export function findFlags(
  { keep, model, law, poolTokens, maxEpochs }: Ground,
  ranking: Ranking,
  cutoff: AnyCutoff,
): Flag[] {
  const byLaw = isByBudget(keep);
  const byPaper = byLaw && law.calibrated !== true;
  const holds: Record<Flag, boolean> = {
    extrapolated:
      byLaw &&
      model !== null &&
      (model.flops < law.fittedFlops.from || model.flops > law.fittedFlops.extrapolatedBeyond),
    'far-from-compute-optimal':
      byPaper &&
      model !== null &&
      law.regime === 'compute-optimal' &&
      (model.tokensPerParam < optimalTokensPerParam.from || model.tokensPerParam > optimalTokensPerParam.to),
    'below-tested-rates': keep.rate < law.lowestTestedRate,
    'pool-too-small': model !== null && floorRate(model.tokens, poolTokens, maxEpochs) > 1,
    // With a requested share, the law still sets the budgets that the share suits.
    'corpus-far-below-law-range': law.calibrated !== true && poolTokens < smallestPoolTokens,
    'tokens-estimated': ranking.estimatedDocuments > 0,
    'score-ties': cutoff.last !== null,
    'nothing-kept': cutoff.documents === 0,
    'fixed-score': keep.setBy === 'score',
  };
  return flagNames.filter((flag) => holds[flag]);
}
