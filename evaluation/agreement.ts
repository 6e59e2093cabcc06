// How much selections and scorers agree, computed from the tables `documents` (contest.ts) and `hashes`
// (draw-texts.ts).

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { type Contest, keptColumn, scoreColumn } from './contest.ts';
import { queryRows } from '../data/duckdb/rows.ts';
import { numberOrZero } from './make-up.ts';

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
    square(z.array(numberOrZero).parse(JSON.parse(sums?.products ?? '[]')), scorers.length),
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
  return square(z.array(numberOrZero).parse(JSON.parse(row?.shares ?? '[]')), columns.length);
}

function square(values: readonly number[], size: number): number[][] {
  return Array.from({ length: size }, (_, row) => values.slice(row * size, (row + 1) * size));
}
