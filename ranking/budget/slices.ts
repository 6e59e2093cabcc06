// Nested slices of a ranking by score: what each keeps, counted in one pass, and what the paper on LM-Score
// did with its own.

import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import { type Choice, retargetRanking } from '../order/retarget.ts';
import { findScoreCutoffs } from '../score-cutoffs.ts';
import { describeFixedScore } from './caveats.ts';

const mostSlices = 20;

export const slicesSchema = z.strictObject({
  ranking: z.strictObject({ generation: z.string(), publishedAt: z.string() }),
  /** The chosen benchmarks, whose best corpus percentile is the score; absent if none were chosen. */
  benchmarks: z.array(z.string()).optional(),
  ofDocuments: count,
  ofTokens: count,
  /** Best first. Each slice has the documents with at least its score, so it includes the ones before it. */
  slices: z.array(
    z.strictObject({
      /** As requested; compared as a float32. */
      score: z.number(),
      documents: count,
      tokens: count,
      /** Fraction of all tokens. */
      share: z.number(),
    }),
  ),
  caveats: z.array(z.string()),
  /** For a ranking by LM-Score: how the paper used its slices. */
  paper: z.string().optional(),
});
export type Slices = z.output<typeof slicesSchema>;

const paperNote =
  'For comparison, not a recommendation: arXiv 2402.07625 scored 11.26 M documents with its own judge, ' +
  'Qwen-72B, looked at the slices at or above 0.50, 0.60, 0.70, 0.75 and 0.80, and continued pretraining on ' +
  '0.75–1.00 (329 M tokens, 3 epochs) and on 0.60–1.00 (2.5 B tokens, 1 epoch). The scores of another judge, ' +
  'or of a classifier that learned them, mean something else.';

/**
 * The nested slices at or above each of these scores. `scorer` is the ranking's, as for --scorer. Errors: USAGE,
 * those of `retargetRanking` and `withScores`.
 */
export async function countSlices(
  run: Run,
  published: Ranking,
  scorer: string,
  scores: readonly number[],
  choice: Choice,
): Promise<Slices> {
  if (scores.length > mostSlices)
    throw fail('USAGE', {
      problem: `Got ${scores.length} slices; at most ${mostSlices} can be counted at once.`,
    });
  const ranking = await retargetRanking(run, published, choice);
  const { generation, publishedAt, documents, tokens, chosen } = ranking;
  const sorted = [...new Set(scores)].sort((a, b) => b - a);
  const cutoffs = await findScoreCutoffs(run, ranking, sorted);
  const isAsInPaper = chosen === undefined && (await isLmScore(run, scorer));
  return {
    ranking: { generation, publishedAt },
    ...(chosen === undefined ? {} : { benchmarks: chosen.benchmarks }),
    ofDocuments: documents,
    ofTokens: tokens,
    slices: cutoffs.map((cutoff, i) => ({
      score: sorted[i] ?? 0,
      documents: cutoff.documents,
      tokens: cutoff.tokens,
      share: cutoff.tokens / Math.max(1, tokens),
    })),
    caveats: [
      ...(ranking.estimatedDocuments > 0 ? ['Token counts are estimated.'] : []),
      ...describeFixedScore(scorer),
    ],
    ...(isAsInPaper ? { paper: paperNote } : {}),
  };
}

/** Whether the scores are LM-Scores of the whole corpus, as in the paper. */
async function isLmScore({ settings }: Run, scorer: string): Promise<boolean> {
  const [, judge] = /^lm:(.+)#all$/.exec(scorer) ?? [];
  if (judge === undefined) return false;
  // Other rankings do not need the libraries of judges.
  const { findKind } = await import('../../indexer/judges/judge.ts');
  return findKind(settings, judge) === 'LM-Score';
}
