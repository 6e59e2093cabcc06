// What is hard in a set of pairs: the distribution of a measurement's difficulties, and how they differ by source,
// category, language and length.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { parquetSource } from '../data/duckdb/duckdb.ts';
import { queryRows } from '../data/duckdb/rows.ts';
import { withRunDatabase } from '../data/duckdb/run-database.ts';
import type { Run } from '../run/run.ts';
import { count } from '../run/schemas.ts';
import { histogramOfPairs } from './histogram.ts';
import { type Measurement, measurementCardSchema } from './measurement.ts';
import { type PairSet, pairTable } from './set.ts';

/** Pairs are called hard if they are among this share of the known ones. */
export const hardShare = 0.2;
const histogramSteps = 16;
const mostGroups = 12;

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
  /** Pairs in steps of equal width; the last one also has all harder pairs. */
  histogram: z.strictObject({ from: z.number(), to: z.number(), steps: z.array(count) }),
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

/** Describes what a measurement found. Errors: DISK_FULL, FILE_DAMAGED. */
export async function reportMeasurement(
  run: Run,
  set: PairSet,
  measurement: Measurement,
): Promise<PairsReport> {
  const { from, to, sources } = await histogramOfPairs(run, set.name, {
    measurement: measurement.card.name,
    steps: histogramSteps,
  });
  return withRunDatabase(run, async (connection) => {
    await connection.run(`CREATE OR REPLACE TEMP TABLE described AS ${sqlDescribed(set, measurement)}`);
    const all: { by: Grouping; groups: PairGroup[]; others: number }[] = [];
    for (const by of groupings) all.push({ by, ...(await groupBy(connection, by, set.card.pairs)) });
    return {
      set: set.name,
      pairs: set.card.pairs,
      measurement: measurement.card,
      difficulty: await summarize(connection),
      histogram: {
        from,
        to,
        steps: Array.from({ length: histogramSteps }, (_, step) =>
          sources.reduce((sum, { steps }) => sum + (steps[step] ?? 0), 0),
        ),
      },
      groups: pick(all, ({ groups }) => groups),
      others: pick(all, ({ others }) => others),
    };
  });
}

function pick<V, T>(all: readonly (V & { by: Grouping })[], valueOf: (one: V) => T): Record<Grouping, T>;
function pick<V, T>(all: readonly (V & { by: Grouping })[], valueOf: (one: V) => T): Record<string, T> {
  return Object.fromEntries(all.map((one) => [one.by, valueOf(one)]));
}

/** Each pair with its difficulty, its place from the hardest on, and whether it is hard. Ties: in order of pairs. */
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

async function groupBy(
  connection: DuckDBConnection,
  by: Grouping,
  pairs: number,
): Promise<{ groups: PairGroup[]; others: number }> {
  const groups = await queryRows(
    connection,
    `SELECT ${groupSql[by]} AS "group", count(*)::INTEGER AS pairs, count(difficulty)::INTEGER AS known,
        quantile_cont(difficulty, 0.5) AS median,
        count(*) FILTER (hard) / nullif(count(difficulty), 0) AS hard
      FROM described GROUP BY 1 ORDER BY ${by === 'length' ? 'min(characters)' : 'pairs DESC'}, 1 LIMIT ${mostGroups}`,
    groupSchema,
  );
  return { groups, others: pairs - groups.reduce((sum, group) => sum + group.pairs, 0) };
}
