// The result of an evaluation, as evaluation.json holds it.

import { marginSchema } from './margin.ts';
import { agreementSchema } from './agreement.ts';
import { makeUpSchema } from './make-up.ts';
import { z } from 'zod';
import type { Fitting } from '../scoring/scorers/list.ts';
import { intervalSchema } from '../data/statistics.ts';
import { testTargetsSchema } from '../indexer/index-card.ts';
import { matchSchema } from './match.ts';
import { describeTestTargets } from '../indexer/test-targets.ts';

export const evaluationSchema = z.strictObject({
  kind: z.literal('betr evaluation'),
  seed: z.number(),
  /** Training words of every model. */
  trainWords: z.number(),
  /** Shards compared, and all shards. */
  shards: z.strictObject({ used: z.number(), of: z.number() }),
  /**
   * `by`: the scorer of the ranking that a scorer is measured by; `fitting`: whether it may have learned from
   * documents that it scores; `scorerSha256`: its hash; `testTargets`: test items that it was forced to target.
   */
  rankings: z.array(
    z.strictObject({
      scorer: z.string(),
      by: z.string(),
      fitting: z.enum(['learns nothing', 'cross-fitted', 'in sample', 'unknown']),
      generation: z.string(),
      scorerSha256: z.string(),
      testTargets: testTargetsSchema.optional(),
    }),
  ),
  /** Every scorer at every keep rate, and no filter. */
  selections: z.array(
    z.strictObject({
      scorer: z.string(),
      /** Share of the tokens. */
      keep: z.number(),
      verdict: z.enum(['baseline', 'better than random', 'no better than random']),
      targetMatch: z.strictObject({
        mean: matchSchema,
        benchmarks: z.array(matchSchema.extend({ benchmark: z.string() })),
      }),
      /**
       * The mean is over sources that are not targets: those to which the first scorer gives no more room
       * than no filter does.
       */
      offTarget: z.strictObject({
        mean: matchSchema,
        sources: z.array(matchSchema.extend({ source: z.string(), isTarget: z.boolean() })),
      }),
      makeUp: makeUpSchema,
      /** The last documents kept and the first dropped among those compared; empty for no filter. */
      margin: marginSchema,
    }),
  ),
  agreement: agreementSchema,
  /**
   * The light classifier against the embedding's score, cross-fitted on `documents` of the sample; null if the run
   * has no classifier.
   */
  fidelity: z
    .strictObject({
      documents: z.number(),
      kept: z.array(z.strictObject({ keep: z.number(), precision: intervalSchema, recall: intervalSchema })),
    })
    .nullable(),
});

export type Evaluation = z.output<typeof evaluationSchema>;
export type EvaluatedSelection = Evaluation['selections'][number];

/**
 * The verdict as text. Where the selection's model is worse than a random one's on other sources, it says that, too.
 */
export function describeVerdict({ verdict, offTarget }: EvaluatedSelection): string {
  if (verdict === 'baseline' || offTarget.mean.gain.high >= 0) return verdict;
  return verdict === 'better than random'
    ? 'better than random on target, worse off target'
    : 'no better than random on target, worse off target';
}

/** How the scorers' documents were scored, for users. */
export function describeFitting({ rankings }: Evaluation): string {
  const named = (fitting: Evaluation['rankings'][number]['fitting']): string =>
    rankings
      .filter((ranking) => ranking.fitting === fitting)
      .map(({ scorer }) => scorer)
      .join(', ');
  const [crossFitted, learnsNothing] = [named('cross-fitted'), named('learns nothing')];
  return [
    crossFitted === ''
      ? ''
      : `Cross-fitted, so that no document is scored by a model that learned from it: ${crossFitted}.`,
    learnsNothing === '' ? '' : `Learns nothing from the corpus: ${learnsNothing}.`,
  ]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

/** Reasons to read the numbers with caution. */
export function listCautions({ rankings }: Evaluation): string[] {
  return rankings.flatMap(({ scorer, fitting, testTargets = [] }) =>
    [...cautions[fitting], ...describeTestTargets(testTargets)].map((sentence) => `${scorer}: ${sentence}`),
  );
}

const cautions: Record<Fitting, string[]> = {
  'learns nothing': [],
  'cross-fitted': [],
  'in sample': [
    'not cross-fitted. It learned from some of the documents that it scores here, so its results may be too good.',
  ],
  unknown: [
    'betr does not know what this model learned from. If that includes documents of this corpus, its results may ' +
      'be too good.',
  ],
};
