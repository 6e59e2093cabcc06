// The answer when domain quotas, in place of the joint ranking, decide what is kept.

import { formatAmount, formatCount } from '../../run/amounts.ts';
import type { FilledQuota, FilledQuotas } from './quotas.ts';
import type { Answer, Flag } from '../budget/question.ts';

/** What quotas keep, and how much domains lack that have fewer tokens than their quota. */
export function quotasKept(
  { documents, tokens, ofTokens, ofDocuments }: Answer['cutoff'],
  quotas: readonly FilledQuota[],
): string {
  const short = quotas.filter((quota) => quota.quotaTokens > quota.ofTokens);
  const lacking = short.reduce((sum, quota) => sum + quota.quotaTokens - quota.ofTokens, 0);
  const shortfall =
    short.length === 0
      ? ''
      : `; ${formatAmount(lacking)} tokens of the quotas are more than their domains have ` +
        `(${short.length} of ${quotas.length}), and nothing replaces them`;
  return (
    `${formatCount(documents)} of ${formatCount(ofDocuments)} documents (${formatAmount(tokens)} ` +
    `of ${formatAmount(ofTokens)} tokens)${shortfall}`
  );
}

/** An answer whose share is filled by quotas of domains in place of one cut for all. */
export function answerByQuotas(answer: Answer, { documents, tokens, quotas }: FilledQuotas): Answer {
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
  return {
    ...answer,
    cutoff,
    flags,
    summary: `${answer.summary} By quotas of ${quotas.length} domains: ${quotasKept(cutoff, quotas)}.`,
  };
}
