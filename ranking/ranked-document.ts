// A document as a ranking has it, and how it is read with SQL.

import { z } from 'zod';
import { count } from '../run/schemas.ts';
import { sqlName } from '../data/duckdb/duckdb.ts';
import { type Cutoff, keptCondition } from './cutoff.ts';
import type { Ranking } from './generation.ts';
import { shardId } from './shards.ts';
import { sqlList } from '../data/duckdb/rows.ts';

export const rankedDocumentSchema = z.strictObject({
  document: z.string(),
  shard: z.string(),
  /** The shard's name in URLs. */
  shardId: z.string(),
  row: count,
  source: z.string(),
  tokens: count,
  /** The joint score; with chosen benchmarks, the best corpus percentile among them. */
  score: z.number(),
  /** With chosen benchmarks, the one the score is from; else null. */
  winner: z.string().nullable(),
  /** The score for each benchmark. */
  benchmarks: z.record(z.string(), z.number()),
  /** Whether the requested cutoff keeps it; null without one. */
  kept: z.boolean().nullable(),
});
export type RankedDocument = z.output<typeof rankedDocumentSchema>;

export const rowSchema = z.object({
  document: z.string(),
  shard: z.string(),
  row: count,
  source: z.string(),
  tokens: count,
  // Adding 0 turns -0 into 0.
  score: z.number().transform((score) => score + 0),
  benchmarks: sqlList(z.number()),
  winner: z.number().nullable(),
  kept: z.boolean().nullable(),
  order: z.string().optional(),
});

export function columnsOf(ranking: Ranking, cutoff: Pick<Cutoff, 'score' | 'last'> | undefined): string {
  const benchmarks = ranking.scorer.outputs.slice(1).map((name) => sqlName(`score_${name}`));
  return (
    'document, shard, "row"::DOUBLE AS "row", source, tokens::DOUBLE AS tokens, score, ' +
    `[${benchmarks.join(', ')}]::FLOAT[] AS ` +
    `benchmarks, ${ranking.chosen === undefined ? 'NULL' : 'winner'}::INTEGER AS ` +
    `winner, ${cutoff === undefined ? 'NULL::BOOLEAN' : keptCondition(cutoff)} AS kept`
  );
}

export function describeRow(
  ranking: Ranking,
  { document, shard, row, source, tokens, score, benchmarks, winner, kept }: z.output<typeof rowSchema>,
): RankedDocument {
  const names = ranking.scorer.outputs.slice(1);
  return {
    document,
    shard,
    shardId: shardId(shard),
    row,
    source,
    tokens,
    score,
    winner: winner === null ? null : (ranking.chosen?.benchmarks[winner] ?? null),
    kept,
    benchmarks: Object.fromEntries(names.map((name, i) => [name, benchmarks[i] ?? 0])),
  };
}
