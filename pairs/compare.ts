// Two measurements of the same pairs beside each other, such as those by models of two sizes. Pairs that are hard for
// both may be noise or ambiguous; pairs that are hard for the first only may be beyond the capacity of its models.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { queryRows } from '../data/duckdb/rows.ts';
import { shorten } from '../run/shorten.ts';
import { count } from '../run/schemas.ts';
import { compareMeasurements } from './agreement.ts';
import { plainText, pairForms } from './pair.ts';
import type { Measurement } from './measurement.ts';
import { sqlHard } from './report.ts';
import { type PairSet, pairTable } from './set.ts';

const mostListed = 1000;
const shownCharacters = 200;

const listSchema = z.strictObject({
  pairs: count,
  /** The hardest first, at most 1,000. */
  listed: z.array(
    z.strictObject({ id: z.string(), difficulty: z.number(), other: z.number(), prompt: z.string() }),
  ),
});

export const comparisonSchema = z.strictObject({
  first: z.string(),
  second: z.string(),
  pairs: count,
  spearman: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** Pairs that both know. */
  both: count,
  hardForBoth: listSchema,
  hardForFirst: listSchema,
  hardForSecond: z.strictObject({ pairs: count }),
});
export type Comparison = z.output<typeof comparisonSchema>;

/** Compares two measurements of a set. The connection's database is used for temporary tables. */
export async function compareHard(
  connection: DuckDBConnection,
  set: PairSet,
  first: Measurement,
  second: Measurement,
): Promise<Comparison> {
  await connection.run(
    `CREATE OR REPLACE TEMP TABLE compared AS
      SELECT pair, a.difficulty, b.difficulty AS other, a.hard AS hard_a, b.hard AS hard_b,
        a.place + b.place AS place
      FROM (${sqlHard(first)}) AS a JOIN (${sqlHard(second)}) AS b USING (pair)
      WHERE a.difficulty IS NOT NULL AND b.difficulty IS NOT NULL`,
  );
  const [counts] = await queryRows(
    connection,
    `SELECT count(*)::INTEGER AS both, count(*) FILTER (hard_a AND hard_b)::INTEGER AS hard,
        count(*) FILTER (hard_a AND NOT hard_b)::INTEGER AS first,
        count(*) FILTER (hard_b AND NOT hard_a)::INTEGER AS second FROM compared`,
    z.object({ both: z.number(), hard: z.number(), first: z.number(), second: z.number() }),
  );
  return {
    first: first.card.name,
    second: second.card.name,
    ...(await compareMeasurements(first, second)),
    both: counts?.both ?? 0,
    hardForBoth: { pairs: counts?.hard ?? 0, listed: await listPairs(connection, set, 'hard_a AND hard_b') },
    hardForFirst: {
      pairs: counts?.first ?? 0,
      listed: await listPairs(connection, set, 'hard_a AND NOT hard_b'),
    },
    hardForSecond: { pairs: counts?.second ?? 0 },
  };
}

/** The pairs that meet a condition, by the sum of their places in both measurements. */
async function listPairs(
  connection: DuckDBConnection,
  set: PairSet,
  condition: string,
): Promise<Comparison['hardForBoth']['listed']> {
  const rows = await queryRows(
    connection,
    `SELECT p.id, p.form, p.prompt, c.difficulty, c.other FROM ${pairTable(set)} AS p JOIN (
        FROM compared WHERE ${condition} ORDER BY place, pair LIMIT ${mostListed}) AS c USING (pair)
      ORDER BY c.place, pair`,
    z.object({
      id: z.string(),
      form: z.enum(pairForms),
      prompt: z.string(),
      difficulty: z.number(),
      other: z.number(),
    }),
  );
  return rows.map(({ form, prompt, ...row }) => ({
    ...row,
    prompt: shorten(plainText(form, prompt), shownCharacters).toWellFormed(),
  }));
}
