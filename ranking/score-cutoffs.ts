// Cutoffs at fixed scores, counted in one pass over the ranking however many there are. A score is compared
// as a float32, as which the scores are kept: 0.6 keeps a document whose score is the float32 nearest to 0.6.

import { z } from 'zod';
import { count } from '../run/schemas.ts';
import type { Run } from '../run/run.ts';
import { queryRows, sqlScore } from '../data/duckdb/rows.ts';
import { type Cutoff, findCutoff } from './cutoff.ts';
import type { Ranking } from './generation.ts';
import { withScores } from './scores.ts';

/** Where to cut a ranking: at a share (0–1) of its tokens, or at the lowest score to keep. */
export type CutPoint = { share: number } | { score: number };

/** The cutoff at a point. Errors: those of `withScores`. */
export async function findCutoffAt(run: Run, ranking: Ranking, point: CutPoint): Promise<Cutoff> {
  if ('share' in point) return findCutoff(run, ranking, point.share);
  const [cutoff] = await findScoreCutoffs(run, ranking, [point.score]);
  return cutoff ?? nothingOf(ranking);
}

// Adding 0 turns -0 into 0.
const bandRow = z.object({
  band: count,
  documents: count,
  tokens: count,
  score: z.number().transform((score) => score + 0),
});

/** The cutoff at each of these scores, in their order. Errors: those of `withScores`. */
export async function findScoreCutoffs(
  run: Run,
  ranking: Ranking,
  scores: readonly number[],
): Promise<Cutoff[]> {
  const steps = [...new Set(scores.map(Math.fround))].sort((a, b) => b - a);
  const lowest = steps.at(-1);
  if (lowest === undefined) return [];
  const cases = steps.map((score, band) => `WHEN score >= ${sqlScore(score)} THEN ${band}`);
  const bands = await withScores(run, ranking, (connection, table) =>
    queryRows(
      connection,
      `SELECT CASE ${cases.join(' ')} END::DOUBLE AS band, count(*)::DOUBLE AS documents, ` +
        `sum(tokens)::DOUBLE AS tokens, min(score) AS score FROM ${table} ` +
        `WHERE score >= ${sqlScore(lowest)} GROUP BY band ORDER BY band`,
      bandRow,
    ),
  );
  return scores.map((score) => {
    const last = steps.indexOf(Math.fround(score));
    return bands
      .filter(({ band }) => band <= last)
      .reduce<Cutoff>(
        (kept, band) => ({
          ...kept,
          score: band.score,
          documents: kept.documents + band.documents,
          tokens: kept.tokens + band.tokens,
        }),
        nothingOf(ranking),
      );
  });
}

function nothingOf({ documents, tokens }: Ranking): Cutoff {
  return { score: null, last: null, documents: 0, tokens: 0, ofDocuments: documents, ofTokens: tokens };
}
