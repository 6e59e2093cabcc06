// What a selection consists of, computed from the tables `documents` (contest.ts) and `hashes` (draw-texts.ts).

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { keptColumn } from './contest.ts';
import { queryRows } from '../data/duckdb/rows.ts';

export const makeUpSchema = z.strictObject({
  documents: z.number(),
  tokens: z.number(),
  /** Mean tokens per document. */
  meanTokens: z.number(),
  /** Share of the selection's documents whose exact text occurs earlier in the selection. */
  duplicatesShare: z.number(),
  /** Shares of the tokens; lift is the share divided by the share without a filter. Highest lift first. */
  sources: z.array(z.strictObject({ source: z.string(), share: z.number(), lift: z.number() })),
  /**
   * Shares of the tokens by winning benchmark (best percentile by BETR's outputs), largest first; empty if
   * there are no such outputs.
   */
  winners: z.array(z.strictObject({ benchmark: z.string(), share: z.number() })),
});
export type MakeUp = z.output<typeof makeUpSchema>;

/** A sum or a mean in DuckDB; null, for no rows, counts as 0. */
export const numberOrZero = z
  .number()
  .nullable()
  .transform((value) => value ?? 0);

/** What selection `index` consists of; all zeros if it is empty. */
export async function describeSelection(connection: DuckDBConnection, index: number): Promise<MakeUp> {
  const kept = keptColumn(index);
  const [sums] = await queryRows(
    connection,
    'SELECT count(*)::DOUBLE AS documents, sum(tokens)::DOUBLE AS tokens, avg(tokens)::DOUBLE AS mean, ' +
      `(1 - count(DISTINCT hash) / nullif(count(*), 0))::DOUBLE AS duplicates
     FROM documents JOIN hashes USING (shard, "row") WHERE ${kept}`,
    z.object({ documents: numberOrZero, tokens: numberOrZero, mean: numberOrZero, duplicates: numberOrZero }),
  );
  const sources = await queryRows(
    connection,
    `SELECT source, share, share / nullif(before, 0) AS lift FROM (
       SELECT source, (sum(tokens) FILTER (${kept}) / (SELECT nullif(sum(tokens), 0) FROM documents ` +
      `WHERE ${kept}))::DOUBLE AS share, (sum(tokens) / (SELECT nullif(sum(tokens), 0) FROM ` +
      `documents))::DOUBLE AS before
       FROM documents GROUP BY source) ORDER BY lift DESC NULLS LAST, source`,
    z.object({ source: z.string(), share: numberOrZero, lift: numberOrZero }),
  );
  const winners = await queryRows(
    connection,
    'SELECT winner AS benchmark, (sum(tokens) / (SELECT nullif(sum(tokens), 0) FROM documents ' +
      `WHERE ${kept}))::DOUBLE AS share FROM documents WHERE ${kept} AND winner IS NOT NULL GROUP ` +
      'BY winner ORDER BY share DESC, winner',
    z.object({ benchmark: z.string(), share: numberOrZero }),
  );
  return {
    documents: sums?.documents ?? 0,
    tokens: sums?.tokens ?? 0,
    meanTokens: sums?.mean ?? 0,
    duplicatesShare: sums?.duplicates ?? 0,
    sources,
    winners,
  };
}
