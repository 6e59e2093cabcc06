// How much of a ranking is at or above a score.

import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { queryRows, sqlScore } from '../../data/duckdb/rows.ts';
import { readRanking } from '../../ranking/generation.ts';
import { withScores } from '../../ranking/scores.ts';
import type { Run } from '../../run/run.ts';
import { rankingRun } from '../../scoring/scorers/list.ts';
import type { Audit } from './audit.ts';

export interface AboveScore {
  documents: number;
  tokens: number;
  ofDocuments: number;
  ofTokens: number;
}

/** Counted in the current ranking of the audit's scorer. Errors: those of `readRanking` and `withScores`. */
export async function countAbove(main: Run, audit: Audit, score: number): Promise<AboveScore> {
  const run = rankingRun(main, audit.scorer);
  const ranking = await readRanking(run);
  const [above] = await withScores(run, ranking, (connection, table) =>
    queryRows(
      connection,
      'SELECT count(*)::DOUBLE AS documents, coalesce(sum(tokens), 0)::DOUBLE AS tokens FROM ' +
        `${table} WHERE score >= ${sqlScore(score)}`,
      z.object({ documents: count, tokens: count }),
    ),
  );
  const { documents, tokens } = above ?? { documents: 0, tokens: 0 };
  return { documents, tokens, ofDocuments: audit.documents, ofTokens: audit.tokens };
}
