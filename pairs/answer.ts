// How many of a set's pairs to keep, which, and what each group of them loses: the answer that `betr pairs select`
// writes out and that the server gives at /pairs.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { parquetSource } from '../data/duckdb/duckdb.ts';
import { queryRows } from '../data/duckdb/rows.ts';
import { withRunDatabase } from '../data/duckdb/run-database.ts';
import { positiveNumber } from '../run/bounds.ts';
import { fail } from '../run/errors/errors.ts';
import type { Run } from '../run/run.ts';
import { count } from '../run/schemas.ts';
import { capacityRunSchema, capacitySchema } from './capacity.ts';
import { cutOrders, groupColumns, sqlCut } from './cut.ts';
import { describeAnswer } from './describe-answer.ts';
import { decideKeep } from './keep.ts';
import { listMeasurements, type Measurement, openMeasurement } from './measurement.ts';
import { openPairs, type PairSet, pairTable } from './set.ts';

const share = positiveNumber.max(1);

export const keepQuestionSchema = z.strictObject({
  /** The name of the measurement of difficulty; needed if the set has several. */
  measurement: z.string().optional(),
  /** One of three: a share; a model's size with a fit; the largest loss, with the seal of its measurement. */
  keep: share.optional(),
  params: positiveNumber.optional(),
  fit: z.union([z.literal('argilla'), z.array(capacityRunSchema)]).optional(),
  maxLoss: z.strictObject({ loss: positiveNumber, seal: z.string() }).optional(),
  order: z.enum(cutOrders).default('easiest'),
  seed: z.number().int().default(1),
  /** Each group keeps at least this share of its known pairs. */
  floor: z.strictObject({ share, by: z.enum(groupColumns) }).optional(),
});
export type KeepQuestion = z.input<typeof keepQuestionSchema>;

const groupSchema = z.strictObject({
  /** null for the pairs that have none. */
  group: z.string().nullable(),
  pairs: count,
  known: count,
  kept: count,
  /** Share of its known pairs that is cut; null if none is known. */
  lost: z.number().nullable(),
});
export type GroupLoss = z.output<typeof groupSchema>;

export const keepAnswerSchema = z.strictObject({
  set: z.string(),
  setSeal: z.string(),
  measurement: z.strictObject({
    name: z.string(),
    method: z.string(),
    proxy: z.boolean(),
    beta: z.number().nullable(),
    /** Identifies this measurement; `maxLoss` repeats it. */
    seal: z.string(),
  }),
  /** The share of the known pairs that is kept, and where it comes from. */
  keep: z.number(),
  from: z.enum(['keep', 'argilla', 'runs', 'max-loss']),
  why: z.string(),
  /** The peak of the user's own runs; null unless asked for. */
  capacity: capacitySchema.nullable(),
  order: z.enum(cutOrders),
  pairs: z.strictObject({ all: count, known: count, kept: count }),
  /** How many pairs have no known difficulty, by reason. */
  unknown: z.record(z.string(), count),
  /** The largest difficulty that is kept; only easiest first, where it is the cut if no floor is set. */
  threshold: z.number().nullable(),
  /** What each group loses, the largest first, for every column that any pair has. */
  groups: z.array(
    z.strictObject({
      by: z.enum(groupColumns),
      groups: z.array(groupSchema),
      /** Groups beyond those listed. */
      more: count,
    }),
  ),
  summary: z.string(),
  caveats: z.array(z.string()),
});
export type KeepAnswer = z.output<typeof keepAnswerSchema>;

/** The table in the database of `withCut`: sqlCut's rows. */
export const cutTable = 'cut';
const mostGroups = 50;

/**
 * How many pairs to keep, and what that costs. Errors: those of `withCut`.
 */
export function answerKeep(run: Run, set: string, question: KeepQuestion): Promise<KeepAnswer> {
  return withCut(run, set, question, ({ answer }) => Promise.resolve(answer));
}

export interface OpenCut {
  answer: KeepAnswer;
  set: PairSet;
  measurement: Measurement;
  /** Has the table `cutTable`. */
  connection: DuckDBConnection;
}

/**
 * Answers the question and calls `use` with the cut. Errors: those of `openPairs`, `openMeasurement`, `decideKeep`;
 * STEP_MISSING, PAIRS_MEASUREMENTS, PAIRS_NONE_KEPT, PAIRS_NO_GROUPS, PAIRS_FLOOR, DISK_FULL.
 */
export async function withCut<T>(
  run: Run,
  name: string,
  asked: KeepQuestion,
  use: (cut: OpenCut) => Promise<T>,
): Promise<T> {
  const question = keepQuestionSchema.parse(asked);
  const set = await openPairs(run, name);
  const measurement = await chooseMeasurement(set, question.measurement);
  const difficulties = parquetSource(measurement.difficulties);
  return withRunDatabase(run, async (connection) => {
    const decided = await decideKeep(connection, difficulties, measurement.card, question);
    const { order, seed, floor } = question;
    const kept = decided.pairs ?? Math.round(decided.keep * measurement.card.known);
    if (kept === 0)
      throw fail('PAIRS_NONE_KEPT', { known: measurement.card.known, asked: `${100 * decided.keep}%` });
    if (floor !== undefined && floor.share > decided.keep)
      throw fail('PAIRS_FLOOR', { floor: `${100 * floor.share}%`, keep: `${100 * decided.keep}%` });
    const sql = sqlCut(pairTable(set), difficulties, { pairs: kept, order, seed, floor });
    await connection.run(`CREATE TEMP TABLE ${cutTable} AS ${sql}`);
    const groups = await countGroups(connection);
    const known = groups.map(({ by }) => by);
    if (floor !== undefined && !known.includes(floor.by))
      throw fail('PAIRS_NO_GROUPS', { by: floor.by, known });
    const answer = describeAnswer({
      set,
      measurement: measurement.card,
      order,
      decided,
      kept,
      groups,
      threshold: order === 'easiest' ? await findThreshold(connection) : null,
    });
    return use({ answer, set, measurement, connection });
  });
}

/** Errors: STEP_MISSING, PAIRS_MEASUREMENTS, and those of `openMeasurement`. */
export async function chooseMeasurement(set: PairSet, named: string | undefined): Promise<Measurement> {
  if (named !== undefined) return openMeasurement(set, named);
  const known = await listMeasurements(set);
  const [only] = known;
  if (only === undefined)
    throw fail('STEP_MISSING', {
      need: `measurement of the pairs "${set.name}"`,
      command: `betr pairs measure ${set.name}`,
    });
  if (known.length > 1) throw fail('PAIRS_MEASUREMENTS', { set: set.name, known });
  return openMeasurement(set, only);
}

async function findThreshold(connection: DuckDBConnection): Promise<number | null> {
  const [row] = await queryRows(
    connection,
    `SELECT max(difficulty) AS threshold FROM ${cutTable} WHERE kept`,
    z.object({ threshold: z.number().nullable() }),
  );
  return row?.threshold ?? null;
}

/** What the groups of each column lose; columns that no pair has are left out. */
async function countGroups(connection: DuckDBConnection): Promise<KeepAnswer['groups']> {
  const found: KeepAnswer['groups'] = [];
  for (const by of groupColumns) {
    const groups = await queryRows(
      connection,
      `SELECT ${by} AS "group", count(*)::DOUBLE AS pairs, count(difficulty)::DOUBLE AS known,
        count(*) FILTER (kept)::DOUBLE AS kept,
        1 - count(*) FILTER (kept) / nullif(count(difficulty), 0)::DOUBLE AS lost
      FROM ${cutTable} GROUP BY ${by} ORDER BY pairs DESC, ${by} NULLS LAST`,
      groupSchema,
    );
    if (groups.some(({ group }) => group !== null))
      found.push({ by, groups: groups.slice(0, mostGroups), more: Math.max(0, groups.length - mostGroups) });
  }
  return found;
}
