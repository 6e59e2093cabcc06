// What each output of the classifier favors: the sources of the best share of the corpus, by the joint score
// or by one benchmark's score.

import { z } from 'zod';
import { sqlName } from '../data/duckdb/duckdb.ts';
import type { Run } from '../run/run.ts';
import type { Ranking } from './generation.ts';
import { withScores } from './scores.ts';
import { queryRows } from '../data/duckdb/rows.ts';

export interface Favored {
  /** The joint output's name, or a benchmark's. */
  output: string;
  /**
   * The best document, and the sources, most favored first, with their shares of all tokens and of the best.
   */
  best: string;
  sources: { source: string; before: number; after: number; lift: number }[];
}

const row = z.object({ source: z.string(), before: z.number(), after: z.number(), best: z.string() });

/**
 * The sources of the best `share` (0–1) of the tokens, for every output of the ranking's scorer. Errors:
 * those of `withScores`.
 */
export async function favoredSources(run: Run, ranking: Ranking, share: number): Promise<Favored[]> {
  return withScores(run, ranking, async (connection, table) => {
    const favored: Favored[] = [];
    for (const [place, output] of ranking.scorer.outputs.entries()) {
      const order = `${place === 0 ? 'score' : sqlName(`score_${output}`)} DESC, document, shard, "row"`;
      const rows = await queryRows(
        connection,
        `WITH ranked AS (SELECT source, document, tokens, sum(tokens) OVER (ORDER BY ${order} ROWS ` +
          `UNBOUNDED PRECEDING) AS running, first(document) OVER (ORDER BY ${order}) AS best FROM ${table}),
           kept AS (SELECT *, running <= ${share * ranking.tokens} AS is_kept FROM ranked)
         SELECT source, sum(tokens)::DOUBLE / ${ranking.tokens} AS before, coalesce(sum(tokens) FILTER ` +
          '(is_kept), 0)::DOUBLE / (SELECT greatest(sum(tokens) FILTER (is_kept), 1) FROM kept) AS ' +
          `after, any_value(best) AS best
         FROM kept GROUP BY source`,
        row,
      );
      const sources = rows.map(({ source, before, after }) => ({
        source,
        before,
        after,
        lift: before === 0 ? 0 : after / before,
      }));
      favored.push({
        output,
        best: rows[0]?.best ?? '',
        sources: sources.sort((a, b) => b.lift - a.lift || (a.source < b.source ? -1 : 1)),
      });
    }
    return favored;
  });
}
