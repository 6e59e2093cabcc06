// What selections consist of and how much they agree, computed from the tables `documents` (contest.ts) and
// `hashes` (draw-texts.ts).

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { type Contest, keptColumn, scoreColumn } from './contest.ts';
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

const number = z
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
    z.object({ documents: number, tokens: number, mean: number, duplicates: number }),
  );
  const sources = await queryRows(
    connection,
    `SELECT source, share, share / nullif(before, 0) AS lift FROM (
       SELECT source, (sum(tokens) FILTER (${kept}) / (SELECT nullif(sum(tokens), 0) FROM documents ` +
      `WHERE ${kept}))::DOUBLE AS share, (sum(tokens) / (SELECT nullif(sum(tokens), 0) FROM ` +
      `documents))::DOUBLE AS before
       FROM documents GROUP BY source) ORDER BY lift DESC NULLS LAST, source`,
    z.object({ source: z.string(), share: number, lift: number }),
  );
  const winners = await queryRows(
    connection,
    'SELECT winner AS benchmark, (sum(tokens) / (SELECT nullif(sum(tokens), 0) FROM documents ' +
      `WHERE ${kept}))::DOUBLE AS share FROM documents WHERE ${kept} AND winner IS NOT NULL GROUP ` +
      'BY winner ORDER BY share DESC, winner',
    z.object({ benchmark: z.string(), share: number }),
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

export const agreementSchema = z.strictObject({
  scorers: z.array(z.string()),
  /** Spearman's correlation of the scores for each pair of scorers, over `documents` random documents. */
  spearman: z.array(z.array(z.number())),
  documents: z.number(),
  /** For each keep rate, tokens in both selections divided by tokens in either. */
  jaccard: z.array(z.strictObject({ keep: z.number(), matrix: z.array(z.array(z.number())) })),
});
export type Agreement = z.output<typeof agreementSchema>;

const correlatedDocuments = 200_000;

/** How much the scorers agree. */
export async function compareScorers(
  connection: DuckDBConnection,
  scorers: readonly string[],
  { selections }: Contest,
): Promise<Agreement> {
  // Twice the middle rank is an integer, and sums of integers do not depend on the order of addition.
  const ranked = scorers.map(
    (_, index) =>
      `(2 * rank() OVER (ORDER BY ${scoreColumn(index)}) + count(*) OVER (PARTITION ` +
      `BY ${scoreColumn(index)}) - 1)::HUGEINT AS place_${index}`,
  );
  await connection.run(
    `CREATE TABLE places AS SELECT ${ranked.join(', ')} FROM (SELECT * FROM documents ORDER BY chance, ` +
      `shard, "row" LIMIT ${correlatedDocuments})`,
  );
  const products = scorers.flatMap((_, a) => scorers.map((__, b) => `sum(place_${a} * place_${b})::DOUBLE`));
  const [sums] = await queryRows(
    connection,
    `SELECT count(*)::DOUBLE AS documents, to_json([${products.join(', ')}])::VARCHAR AS products FROM places`,
    z.object({ documents: z.number(), products: z.string() }),
  );
  const documents = sums?.documents ?? 0;
  const spearman = correlate(
    square(z.array(number).parse(JSON.parse(sums?.products ?? '[]')), scorers.length),
    documents,
  );
  const jaccard = [];
  for (const keep of new Set(selections.slice(0, -1).map((selection) => selection.keep))) {
    const columns = selections.flatMap((selection, index) =>
      selection.keep === keep && scorers.includes(selection.scorer) ? [keptColumn(index)] : [],
    );
    jaccard.push({ keep, matrix: await intersect(connection, columns) });
  }
  return { scorers: [...scorers], spearman, documents, jaccard };
}

/** Correlations of doubled middle ranks from the sums of their products; the mean rank is documents + 1. */
function correlate(products: readonly (readonly number[])[], documents: number): number[][] {
  const centered = (a: number, b: number): number =>
    (products[a]?.[b] ?? 0) - documents * (documents + 1) ** 2;
  return products.map((row, a) =>
    row.map((_, b) => (a === b ? 1 : centered(a, b) / Math.sqrt(centered(a, a) * centered(b, b)) || 0)),
  );
}

async function intersect(connection: DuckDBConnection, columns: readonly string[]): Promise<number[][]> {
  const shares = columns.flatMap((a) =>
    columns.map((b) => `coalesce(sum(tokens) FILTER (${a} AND ${b}) / sum(tokens) FILTER (${a} OR ${b}), 0)`),
  );
  const [row] = await queryRows(
    connection,
    `SELECT to_json([${shares.join(', ')}])::VARCHAR AS shares FROM documents`,
    z.object({ shares: z.string() }),
  );
  return square(z.array(number).parse(JSON.parse(row?.shares ?? '[]')), columns.length);
}

function square(values: readonly number[], size: number): number[][] {
  return Array.from({ length: size }, (_, row) => values.slice(row * size, (row + 1) * size));
}
