// The answer when domain quotas, in place of one cut for all, decide what is kept.

import { type Assumptions, summarize } from '../budget/summary.ts';
import { listCaveats } from '../budget/caveats.ts';
import type { Answer, Flag } from '../budget/question.ts';
import type { FilledQuotas } from './quotas.ts';

/** The answer to the same question when quotas fill its share. */
export function answerByQuotas(
  answer: Answer,
  { documents, tokens, quotas }: FilledQuotas,
  { law, maxEpochs, scorer }: Assumptions,
): Answer {
  const scores = quotas.flatMap(({ score }) => (score === null ? [] : [score]));
  const cutoff = {
    ...answer.cutoff,
    score: scores.length === 0 ? null : scores.reduce((a, b) => Math.min(a, b)),
    documents,
    tokens,
  };
  const byScore: readonly Flag[] = ['score-ties', 'nothing-kept'];
  const flags: Flag[] = answer.flags.filter((flag) => !byScore.includes(flag));
  if (documents === 0) flags.push('nothing-kept');
  const figures = { ...answer, cutoff, flags };
  const assumptions = { law, maxEpochs, scorer, quotas };
  return {
    ...figures,
    caveats: listCaveats(figures, assumptions),
    summary: summarize(figures, assumptions),
  };
}
