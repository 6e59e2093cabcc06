// The exact cutoff, counted, not sampled. Documents are ordered by (score descending, document key ascending
// by UTF-8 bytes, shard, row) and kept while the running token sum stays within the share, up to the first
// that does not fit. Only equal scores are sorted: the ranking's histogram leads to one bin, the bin's scores
// to one score, and keys decide among the documents with that score.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { count } from '../run/schemas.ts';
import { binFloor } from '../scoring/part.ts';
import { sqlString } from '../data/duckdb/duckdb.ts';
import type { Run } from '../run/run.ts';
import type { Ranking } from './generation.ts';
import { withScores } from './scores.ts';
import { queryRows, sqlScore } from '../data/duckdb/rows.ts';

export const cutoffSchema = z.strictObject({
  /** The lowest score kept (a float32 value); null if nothing is kept. */
  score: z.number().nullable(),
  /**
   * The last document kept if the cut falls among equal scores; null if every document with `score` is kept.
   */
  last: z.strictObject({ document: z.string(), shard: z.string(), row: count }).nullable(),
  documents: count,
  tokens: count,
  ofDocuments: count,
  ofTokens: count,
});

export type Cutoff = z.output<typeof cutoffSchema>;

/** Documents with one score, or in one range of scores. */
interface Group {
  documents: number;
  tokens: number;
}

/**
 * Keeps the best documents while their tokens stay within `share` (0–1) of the ranking's. Errors: those of
 * `withScores`.
 */
export async function findCutoff(run: Run, ranking: Ranking, share: number): Promise<Cutoff> {
  const limitTokens = Math.floor(share * ranking.tokens);
  const of = { ofDocuments: ranking.documents, ofTokens: ranking.tokens };
  const { from, below, above } = findBins(ranking.histogram, limitTokens);
  return withScores(run, ranking, async (connection, table) => {
    const groups = await groupByScore(connection, table, below, above);
    const { fitting, kept } = takeWhileFits(groups, from, limitTokens);
    const next = groups[fitting];
    // A single document either fits or does not.
    const last =
      next === undefined || next.documents < 2
        ? undefined
        : await lastThatFits(connection, table, next.score, limitTokens - kept.tokens);
    if (next !== undefined && last !== undefined) {
      const { document, shard, row, place, running } = last;
      return {
        score: next.score,
        last: { document, shard, row },
        documents: kept.documents + place,
        tokens: kept.tokens + running,
        ...of,
      };
    }
    return { score: groups[fitting - 1]?.score ?? null, last: null, ...kept, ...of };
  });
}

/** What a cut keeps: everything down to one cutoff, or what an SQL condition selects (quotas). */
export type Cut = Pick<Cutoff, 'score' | 'last'> | { condition: string };

/** SQL condition on the table of scores that selects exactly the documents a cut keeps. */
export function keptCondition(cut: Cut): string {
  if ('condition' in cut) return cut.condition;
  const { score, last } = cut;
  if (score === null) return 'false';
  const value = sqlScore(score);
  if (last === null) return `score >= ${value}`;
  return (
    `(score > ${value} OR (score = ${value} AND (document, shard, "row") <= ` +
    `(${sqlString(last.document)}, ${sqlString(last.shard)}, ${last.row}::BIGINT)))`
  );
}

/**
 * The bins around the cut: the first that does not fit completely, and the one before it, for its lowest
 * score. `from` counts the documents above both; scores with `below ≤ score < above` are in them.
 */
function findBins(
  histogram: Ranking['histogram'],
  limitTokens: number,
): { from: Group; below: number; above: number } {
  const { fitting } = takeWhileFits(
    histogram.map(([, documents, tokens]) => ({ documents, tokens })),
    { documents: 0, tokens: 0 },
    limitTokens,
  );
  const first = Math.max(0, fitting - 1);
  const from = histogram
    .slice(0, first)
    .reduce(
      (sum, [, documents, tokens]) => ({ documents: sum.documents + documents, tokens: sum.tokens + tokens }),
      { documents: 0, tokens: 0 },
    );
  const best = histogram[first]?.[0] ?? 0;
  const worst = histogram[fitting]?.[0] ?? best;
  return { from, below: binFloor(worst), above: binFloor(best + 1) };
}

/** How many groups, best first, fit completely after what is already kept, and the new totals. */
function takeWhileFits(
  groups: readonly Group[],
  from: Group,
  limitTokens: number,
): { fitting: number; kept: Group } {
  let { documents, tokens } = from;
  let fitting = 0;
  for (const group of groups) {
    if (tokens + group.tokens > limitTokens) break;
    documents += group.documents;
    tokens += group.tokens;
    fitting++;
  }
  return { fitting, kept: { documents, tokens } };
}

// At most 65,536 float32 values share a bin, which bounds the result. Adding 0 turns -0 into 0.
const groupRow = z.object({
  score: z.number().transform((score) => score + 0),
  documents: count,
  tokens: count,
});

function groupByScore(
  connection: DuckDBConnection,
  table: string,
  below: number,
  above: number,
): Promise<z.output<typeof groupRow>[]> {
  return queryRows(
    connection,
    `SELECT score, count(*)::DOUBLE AS documents, sum(tokens)::DOUBLE AS tokens FROM ${table}
     WHERE score >= ${sqlScore(below)} AND score < ${sqlScore(above)} GROUP BY score ORDER BY score DESC`,
    groupRow,
  );
}

const lastRow = z.object({
  document: z.string(),
  shard: z.string(),
  row: count,
  place: count,
  running: count,
});

/** Among the documents with one score, the last in key order that keeps the tokens within the limit. */
async function lastThatFits(
  connection: DuckDBConnection,
  table: string,
  score: number,
  limitTokens: number,
): Promise<z.output<typeof lastRow> | undefined> {
  const [last] = await queryRows(
    connection,
    `SELECT document, shard, "row"::DOUBLE AS "row", place::DOUBLE AS place, running::DOUBLE AS running FROM (
       SELECT document, shard, "row", row_number() OVER keys AS place, sum(tokens) OVER keys AS running FROM ${table}
       WHERE score = ${sqlScore(score)} WINDOW keys AS (ORDER BY document, shard, "row" ROWS UNBOUNDED PRECEDING)
     ) WHERE running <= ${limitTokens} ORDER BY place DESC LIMIT 1`,
    lastRow,
  );
  return last;
}
