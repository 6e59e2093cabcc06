// What is hard in a set of pairs: the distribution of a measurement's difficulties, and how they differ by source,
// category, language and length.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { parquetSource } from '../data/duckdb/duckdb.ts';
import { queryRows } from '../data/duckdb/rows.ts';
import { count } from '../run/schemas.ts';
import { type Measurement, measurementCardSchema } from './measurement.ts';
import { type PairSet, pairTable } from './set.ts';

/** Pairs are called hard if they are among this share of the known ones. */
export const hardShare = 0.2;
const bins = 16;
const mostGroups = 12;

const binSchema = z.strictObject({
  from: z.number(),
  /** The last bin also has all that is above. */
  to: z.number(),
  pairs: count,
});

const groupSchema = z.strictObject({
  /** Null for pairs without one. */
  group: z.string().nullable(),
  pairs: count,
  known: count,
  /** Null if none is known. */
  median: z.number().nullable(),
  /** The share of the group's known pairs that is hard; 0.2 is as hard as the whole set. */
  hard: z.number().nullable(),
});
export type PairGroup = z.output<typeof groupSchema>;

export const groupings = ['source', 'category', 'language', 'length', 'longer'] as const;
export type Grouping = (typeof groupings)[number];

export const pairsReportSchema = z.strictObject({
  set: z.string(),
  pairs: count,
  measurement: measurementCardSchema,
  difficulty: z.strictObject({
    mean: z.number(),
    least: z.number(),
    p10: z.number(),
    median: z.number(),
    p90: z.number(),
    most: z.number(),
    /** The mean over pairs of the standard deviation over models; null with one model. */
    spread: z.number().nullable(),
    /** Pairs that the models learn at some step, where steps are known. */
    learned: count,
  }),
  histogram: z.array(binSchema),
  /** The largest groups first; those that are left out are counted in `others`. */
  groups: z.record(z.enum(groupings), z.array(groupSchema)),
  others: z.record(z.enum(groupings), count),
});
export type PairsReport = z.output<typeof pairsReportSchema>;

/** Characters of the prompt and both answers, and which answer is the longer one. */
const groupSql: Record<Grouping, string> = {
  source: 'source',
  category: 'category',
  language: 'language',
  length: `CASE WHEN characters < 500 THEN 'below 500 characters' WHEN characters < 1000 THEN '500 to 1,000'
    WHEN characters < 2000 THEN '1,000 to 2,000' WHEN characters < 4000 THEN '2,000 to 4,000'
    WHEN characters < 8000 THEN '4,000 to 8,000' ELSE '8,000 and more' END`,
  longer: `CASE WHEN chosen_characters > rejected_characters THEN 'chosen'
    WHEN chosen_characters < rejected_characters THEN 'rejected' ELSE 'equally long' END`,
};

/** Describes what a measurement found. The connection's database is used for temporary tables. */
export async function reportMeasurement(
  connection: DuckDBConnection,
  set: PairSet,
  measurement: Measurement,
): Promise<PairsReport> {
  await connection.run(`CREATE OR REPLACE TEMP TABLE described AS ${sqlDescribed(set, measurement)}`);
  const difficulty = await summarize(connection);
  const all = await Promise.all(groupings.map(async (by) => ({ by, ...(await groupBy(connection, by)) })));
  return {
    set: set.name,
    pairs: set.card.pairs,
    measurement: measurement.card,
    difficulty,
    histogram: await countBins(connection, difficulty),
    groups: pick(all, ({ groups }) => groups),
    others: pick(all, ({ others }) => others),
  };
}

function pick<V, T>(all: readonly (V & { by: Grouping })[], valueOf: (one: V) => T): Record<Grouping, T>;
function pick<V, T>(all: readonly (V & { by: Grouping })[], valueOf: (one: V) => T): Record<string, T> {
  return Object.fromEntries(all.map((one) => [one.by, valueOf(one)]));
}

/** Each pair with its difficulty, its place from the hardest on, and whether it is hard. Ties are in the order of pairs. */
export function sqlHard({ difficulties }: Pick<Measurement, 'difficulties'>): string {
  return `
    SELECT *, difficulty IS NOT NULL AND place <= round(${hardShare} * known) AS hard FROM (
      SELECT pair, difficulty, spread, learned_step, count(difficulty) OVER () AS known,
        row_number() OVER (ORDER BY difficulty DESC NULLS LAST, pair) AS place
      FROM ${parquetSource(difficulties)})`;
}

function sqlDescribed(set: PairSet, measurement: Measurement): string {
  return `
    SELECT m.difficulty, m.spread, m.learned_step, m.hard, p.source, p.category, p.language,
      p.chosen_characters, p.rejected_characters,
      p.prompt_characters + p.chosen_characters + p.rejected_characters AS characters
    FROM ${pairTable(set)} AS p JOIN (${sqlHard(measurement)}) AS m USING (pair)`;
}

async function summarize(connection: DuckDBConnection): Promise<PairsReport['difficulty']> {
  const [row] = await queryRows(
    connection,
    `SELECT avg(difficulty) AS mean, min(difficulty) AS least, quantile_cont(difficulty, 0.1) AS p10,
        quantile_cont(difficulty, 0.5) AS median, quantile_cont(difficulty, 0.9) AS p90, max(difficulty) AS most,
        avg(spread) AS spread, count(learned_step)::INTEGER AS learned FROM described`,
    z.object({
      mean: z.number(),
      least: z.number(),
      p10: z.number(),
      median: z.number(),
      p90: z.number(),
      most: z.number(),
      spread: z.number().nullable(),
      learned: z.number(),
    }),
  );
  if (row === undefined) throw new Error('a measurement without a known pair was written');
  return row;
}

/** Equal bins up to the 99th percentile, so that a few outliers do not put all others into one bin. */
async function countBins(
  connection: DuckDBConnection,
  { least, most }: PairsReport['difficulty'],
): Promise<PairsReport['histogram']> {
  const [row] = await queryRows(
    connection,
    'SELECT quantile_cont(difficulty, 0.99) AS high FROM described',
    z.object({ high: z.number() }),
  );
  const high = row === undefined || row.high === least ? most : row.high;
  const width = (high - least) / bins;
  if (width === 0) return [{ from: least, to: most, pairs: (await countRows(connection)).known }];
  const counted = await queryRows(
    connection,
    `SELECT least(${bins - 1}, floor((difficulty - ${least}) / ${width}))::INTEGER AS bin, count(*)::INTEGER AS pairs
      FROM described WHERE difficulty IS NOT NULL GROUP BY bin`,
    z.object({ bin: z.number(), pairs: z.number() }),
  );
  return Array.from({ length: bins }, (_, bin) => ({
    from: least + bin * width,
    to: least + (bin + 1) * width,
    pairs: counted.find((one) => one.bin === bin)?.pairs ?? 0,
  }));
}

async function countRows(connection: DuckDBConnection): Promise<{ known: number }> {
  const [row] = await queryRows(
    connection,
    'SELECT count(difficulty)::INTEGER AS known FROM described',
    z.object({ known: z.number() }),
  );
  return row ?? { known: 0 };
}

async function groupBy(
  connection: DuckDBConnection,
  by: Grouping,
): Promise<{ groups: PairGroup[]; others: number }> {
  const groups = await queryRows(
    connection,
    `SELECT ${groupSql[by]} AS "group", count(*)::INTEGER AS pairs, count(difficulty)::INTEGER AS known,
        quantile_cont(difficulty, 0.5) AS median,
        count(*) FILTER (hard) / nullif(count(difficulty), 0) AS hard
      FROM described GROUP BY 1 ORDER BY ${by === 'length' ? 'min(characters)' : 'pairs DESC'}, 1 LIMIT ${mostGroups}`,
    groupSchema,
  );
  const [row] = await queryRows(
    connection,
    `SELECT count(*)::INTEGER AS pairs FROM described`,
    z.object({ pairs: z.number() }),
  );
  return { groups, others: (row?.pairs ?? 0) - groups.reduce((sum, { pairs }) => sum + pairs, 0) };
}
