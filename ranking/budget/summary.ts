// An answer as two sentences for a plan: what to keep, and why.

import { formatAmount, formatCount, formatFlops, formatShare } from '../../run/amounts.ts';
import type { FilledQuota } from '../selection/quotas.ts';
import { isByBudget, type Law } from './laws.ts';
import type { Answer } from './question.ts';

/** An answer before it is put into words. */
export type Sums = Omit<Answer, 'summary' | 'caveats'>;

/** What the answer was computed with. */
export interface Assumptions {
  law: Law;
  maxEpochs: number;
  /** The ranking's scorer, as for --scorer; undefined if it was not named. */
  scorer: string | undefined;
  /** For a selection by domain quotas; otherwise one cut decides. */
  quotas?: readonly FilledQuota[];
}

/** At most two sentences: what to keep of which ranking, and what set the rate. */
export function summarize(answer: Sums, assumptions: Assumptions): string {
  const { quotas } = assumptions;
  const what =
    answer.keep.score === undefined || quotas !== undefined
      ? `Keep the best ${describeShare(answer, quotas)}`
      : `Keep every document ${describeScores(answer, 'with a score of')} ${answer.keep.score} or higher, ` +
        'as requested';
  return [`${what}: ${describeKept(answer, quotas)}.`, ...describeReason(answer, assumptions)].join(' ');
}

function describeShare(answer: Sums, quotas: Assumptions['quotas']): string {
  const { keep, pool } = answer;
  const tokens = pool === undefined ? 'the tokens' : `a pool of ${formatAmount(pool.tokens)} tokens`;
  const byQuotas = quotas === undefined ? '' : ` by quotas for ${formatCount(quotas.length)} domains`;
  return `${formatShare(keep.rate)} of ${tokens}${byQuotas}${describeRequest(answer)}${describeModel(answer)}`;
}

function describeRequest(answer: Sums): string {
  const { setBy, score } = answer.keep;
  if (score === undefined) return setBy === 'keep' ? ', as requested' : '';
  return `, as much as the documents ${describeScores(answer, 'with a score of')} ${score} or higher have`;
}

/** `plain`, or what the score is with chosen benchmarks. */
function describeScores({ benchmarks }: Sums, plain: string): string {
  return benchmarks === undefined ? plain : `whose best corpus percentile for ${benchmarks.join(', ')} is`;
}

function describeModel({ model }: Sums): string {
  if (model === null) return '';
  const size = `${formatAmount(model.params)} parameters, ${formatAmount(model.tokens)} tokens`;
  return ` for ${formatFlops(model.flops)} FLOPs (${size})`;
}

function describeKept(answer: Sums, quotas: Assumptions['quotas']): string {
  const { keep, cutoff, pool, ranking } = answer;
  const ofPool = pool === undefined ? '' : `${formatAmount(pool.kept)} tokens of the pool, and `;
  const documents = `${formatCount(cutoff.documents)} of ${formatCount(cutoff.ofDocuments)} ranked documents`;
  const tokens = `${formatAmount(cutoff.tokens)} of ${formatAmount(cutoff.ofTokens)} tokens`;
  const isByScore = keep.score !== undefined && quotas === undefined;
  const share = isByScore ? `, ${formatShare(keep.rate)}` : '';
  const lowest =
    cutoff.score === null || isByScore
      ? ''
      : ` ${describeScores(answer, 'with scores')} ${Number(cutoff.score.toPrecision(6))} or higher`;
  return `${ofPool}${documents} (${tokens}${share})${lowest} in ranking ${ranking.generation}`;
}

/** The second sentence; none if there is nothing to say about a requested share or score. */
function describeReason(answer: Sums, { law, maxEpochs }: Assumptions): string[] {
  const { keep } = answer;
  const band = `${formatShare(keep.low)} to ${formatShare(keep.high)} would do about as well`;
  const clauses = [
    ...(isByBudget(keep) ? [] : describeSuited(answer)),
    ...(keep.setBy === 'law' ? [`The rate follows ${describeLaw(law)}`] : []),
    ...(keep.setBy === 'data floor'
      ? [
          `The size of the pool and at most ${maxEpochs} ${maxEpochs === 1 ? 'pass' : 'passes'} over the ` +
            `kept tokens set the rate, above ${describeLaw(law)}`,
        ]
      : []),
    ...(keep.low < keep.high ? [band] : []),
    ...describePasses(answer),
  ];
  const sentence = clauses.join('; ');
  return sentence === '' ? [] : [`${sentence.slice(0, 1).toUpperCase()}${sentence.slice(1)}.`];
}

function describeLaw(law: Law): string {
  const fitted =
    law.calibrated === true
      ? 'fitted on your own runs'
      : law.params === undefined
        ? 'for compute-optimal training'
        : `for a ${formatAmount(law.params)} model on any number of tokens`;
  return `the ${law.name} law ${fitted}, ${law.formula}`;
}

function describeSuited({ suits }: Sums): string[] {
  if (suits === undefined) return [];
  const from = formatFlops(suits.from.flops);
  const to = suits.to === null ? undefined : formatFlops(suits.to.flops);
  const range = to === undefined ? `${from} or more` : `${from} to ${to}`;
  // For a tiny corpus the data floor alone decides, and the range is a single budget.
  const band = from === to ? '' : ` (${range} would lose little)`;
  return [
    `By the ${suits.law} law and the size of the pool, this share suits about ` +
      `${formatFlops(suits.at.flops)} FLOPs${band}`,
  ];
}

function describePasses({ repetition }: Sums): string[] {
  if (repetition === null) return [];
  const { epochs, effectiveTokens } = repetition;
  if (epochs <= 1) return ['no token is seen twice'];
  return [
    `${Number(epochs.toPrecision(3))} passes over the kept tokens are worth ` +
      `${formatAmount(effectiveTokens)} fresh ones`,
  ];
}
