// The result of an evaluation, as evaluation.json holds it.

import { marginSchema } from './margin.ts';
import { agreementSchema, makeUpSchema } from './agreement.ts';
import { z } from 'zod';
import { testTargetsSchema } from '../indexer/index-card.ts';
import { estimateSchema, matchSchema } from './match.ts';
import { describeTestTargets } from '../indexer/test-targets.ts';

const interval = estimateSchema.omit({ n: true });

export const evaluationSchema = z.strictObject({
  kind: z.literal('betr evaluation'),
  seed: z.number(),
  /** Training words of every model. */
  trainWords: z.number(),
  /** Shards compared, and all shards. */
  shards: z.strictObject({ used: z.number(), of: z.number() }),
  /** `scorerSha256`: hash of the scorer; `testTargets`: test items that the scorer was forced to target. */
  rankings: z.array(
    z.strictObject({
      scorer: z.string(),
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
   * The light classifier against the embedding's score on held-out documents; null if the run has no
   * classifier.
   */
  fidelity: z
    .strictObject({
      heldOutDocuments: z.number(),
      kept: z.array(z.strictObject({ keep: z.number(), precision: interval, recall: interval })),
    })
    .nullable(),
});

export type Evaluation = z.output<typeof evaluationSchema>;
export type EvaluatedSelection = Evaluation['selections'][number];

/** Reasons to read the numbers with caution. */
export function listCaveats({ rankings }: Evaluation): string[] {
  return rankings.flatMap(({ scorer, testTargets = [] }) =>
    describeTestTargets(testTargets).map((sentence) => `${scorer}: ${sentence}`),
  );
}
