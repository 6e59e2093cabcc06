// A measurement of a set's pairs: how difficult each one is, by one method. Three files in the set's folder
// measurements/: NAME.parquet has a row for every pair, NAME.values.parquet what each model said, and NAME.json, the
// sealed card, is written last and has the checksums of both.

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { queryRows } from '../data/duckdb/rows.ts';
import { writeParquet } from '../data/duckdb/run-files.ts';
import { commitSealedJson, readSealedJson } from '../data/files/commit.ts';
import { sha256File } from '../data/files/hash-files.ts';
import { fail, ifThere, reasonOf } from '../run/errors/errors.ts';
import type { Checkpoints } from './difficulty.ts';
import { sqlDifficulty, sqlLoss } from './difficulty-sql.ts';

const methodSchema = z.enum(['columns', 'models', 'bradley-terry', 'model-margin']);
export type MeasurementMethod = z.output<typeof methodSchema>;

const setting = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** How a proxy agrees with reference models that were trained on (a part of) the same pairs. */
const checkSchema = z.strictObject({
  /** The measurement that it was compared with. */
  with: z.string(),
  pairs: z.number().int(),
  /** Spearman's correlation of the difficulties, and its 95% interval; null if one of them is constant. */
  spearman: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
});
export type ProxyCheck = z.output<typeof checkSchema>;

const givenSchema = z.strictObject({
  name: z.string(),
  method: methodSchema,
  /** Whether it stands in for reference models. */
  proxy: z.boolean(),
  /** The β of the loss; null where the method has none. */
  beta: z.number().nullable(),
  checkpoints: z.enum(['last', 'mean'] satisfies Checkpoints[]),
  model: z.string().optional(),
  /** How the pairs were split into halves. */
  folds: z.record(z.string(), setting).optional(),
  seeds: z.array(z.number().int()).optional(),
  settings: z.record(z.string(), setting),
  /** What the method took; writing the files is added to it. */
  seconds: z.number(),
  flops: z.number().optional(),
  notes: z.array(z.string()),
});
/** What a method says about a measurement that it made. */
export type NewMeasurement = z.output<typeof givenSchema>;

const cardSchema = givenSchema.extend({
  version: z.literal(1),
  /** The seal of the pairs.json that it measures. */
  pairsSeal: z.string(),
  known: z.number().int(),
  /** How many pairs have no difficulty, by reason. */
  unknown: z.record(z.string(), z.number().int()),
  check: checkSchema.optional(),
  files: z.strictObject({ difficulties: z.string(), values: z.string() }),
});
export type MeasurementCard = z.output<typeof cardSchema>;
export const measurementCardSchema = cardSchema;

/** What measurements need to know of a set of pairs. */
export interface MeasuredSet {
  name: string;
  /** The seal of its pairs.json. */
  seal: string;
  /** The folder of its measurements. */
  files: { measurements: string };
}

export interface Measurement {
  card: MeasurementCard;
  /**
   * Parquet with a row for every pair, in order: pair BIGINT, difficulty DOUBLE, unknown VARCHAR, spread DOUBLE,
   * margin DOUBLE, models INTEGER, learned_step DOUBLE.
   */
  difficulties: string;
  /** Parquet: pair BIGINT, model VARCHAR, checkpoint DOUBLE (null if there is only one), margin, loss. */
  values: string;
}

/**
 * Writes a measurement from `rows`, SQL with a row for every pair, in order of `pair`: the pair, `models` (see
 * difficulty-sql.ts), and `unknown`, a reason or NULL. `references`, SQL of pair,
 * ref_chosen_logps and ref_rejected_logps, adds these columns. Errors: MEASUREMENT_NAME, MEASUREMENT_EMPTY,
 * MEASUREMENT_CONSTANT, DISK_FULL, WRITE_FAILED.
 */
export async function writeMeasurement(
  connection: DuckDBConnection,
  set: MeasuredSet,
  given: NewMeasurement,
  rows: string,
  references?: string,
): Promise<Measurement> {
  const startedMs = performance.now();
  const { card: cardPath, difficulties, values } = measurementPaths(set, given.name);
  await connection.run(`CREATE OR REPLACE TABLE measured AS ${sqlDifficulty(rows, given.checkpoints)}`);
  const counts = await countKnown(connection);
  await refuseUseless(connection, given.name, counts);
  // Without its card, a measurement does not exist; so no card ever describes other files.
  await rm(cardPath, { force: true });
  const table =
    references === undefined
      ? 'FROM measured'
      : `SELECT measured.*, ref_chosen_logps, ref_rejected_logps FROM measured LEFT JOIN (${references}) USING (pair)`;
  await writeParquet(connection, `${table} ORDER BY pair`, difficulties, { pairs: set.seal });
  await writeParquet(connection, sqlValues(rows), values, { pairs: set.seal });
  const card: MeasurementCard = {
    version: 1,
    ...given,
    seconds: given.seconds + (performance.now() - startedMs) / 1000,
    pairsSeal: set.seal,
    ...counts,
    files: { difficulties: await sha256File(difficulties), values: await sha256File(values) },
  };
  await commitSealedJson(cardPath, card);
  return { card, difficulties, values };
}

/**
 * Opens a measurement of a set. Errors: MEASUREMENT_UNKNOWN, MEASUREMENT_OTHER_PAIRS, FILE_DAMAGED,
 * FILE_UNREADABLE.
 */
export async function openMeasurement(set: MeasuredSet, name: string): Promise<Measurement> {
  const { difficulties, values } = measurementPaths(set, name);
  const card = await readMeasurementCard(set, name);
  for (const [file, sha256] of [
    [difficulties, card.files.difficulties],
    [values, card.files.values],
  ] as const) {
    if ((await ifThere(sha256File(file))) !== sha256)
      throw fail('FILE_DAMAGED', {
        path: file,
        reason: 'its checksum is not the one of its card',
        command: commandOf(set),
      });
  }
  return { card, difficulties, values };
}

/**
 * Reads a measurement's card alone; the files that it describes may be damaged. Errors: those of `openMeasurement`.
 */
export async function readMeasurementCard(set: MeasuredSet, name: string): Promise<MeasurementCard> {
  const { card: path } = measurementPaths(set, name);
  const card = await readSealedJson(path, cardSchema, commandOf(set));
  if (card === undefined)
    throw fail('MEASUREMENT_UNKNOWN', { set: set.name, name, known: await listMeasurements(set) });
  if (card.pairsSeal !== set.seal) throw fail('MEASUREMENT_OTHER_PAIRS', { set: set.name, name, path });
  return card;
}

function commandOf({ name }: MeasuredSet): string {
  return `betr pairs measure ${name}`;
}

/** The names of a set's measurements, those of other pairs included, sorted. */
export async function listMeasurements({ files: { measurements: path } }: MeasuredSet): Promise<string[]> {
  const names = await ifThere(readdir(path)).catch((error: unknown) => {
    throw fail('FILE_UNREADABLE', { path, reason: reasonOf(error) }, error);
  });
  return (names ?? [])
    .filter((file) => !file.startsWith('.') && file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

/** Adds to a proxy's card how it agrees with reference models. Errors: those of `openMeasurement`, WRITE_FAILED. */
export async function addCheck(set: MeasuredSet, name: string, check: ProxyCheck): Promise<MeasurementCard> {
  const { card } = await openMeasurement(set, name);
  const checked = { ...card, check };
  await commitSealedJson(measurementPaths(set, name).card, checked);
  return checked;
}

/** SQL that collects rows of `pair, model, step, margin`, one for each value, into rows for `writeMeasurement`. */
export function sqlCollect(
  values: string,
  pairs: number,
  unknown = 'SELECT NULL::BIGINT, NULL LIMIT 0',
): string {
  return `
    SELECT range AS pair, models, reason AS unknown FROM range(${pairs})
    LEFT JOIN (
      SELECT pair, list({model: model, steps: steps, margins: margins} ORDER BY model) AS models FROM (
        SELECT pair, model::VARCHAR AS model, list(step::DOUBLE ORDER BY step) AS steps,
          list(margin::DOUBLE ORDER BY step) AS margins
        FROM (${values}) GROUP BY ALL)
      GROUP BY pair) AS judged ON judged.pair = range
    LEFT JOIN (${unknown}) AS missing(missing, reason) ON missing = range
    ORDER BY range`;
}

function sqlValues(rows: string): string {
  return `
    SELECT pair, model, checkpoint, margin, ${sqlLoss('margin')} AS loss FROM (
      SELECT pair, one.model AS model, unnest(one.steps) AS checkpoint, unnest(one.margins) AS margin
      FROM (SELECT pair, unnest(models) AS one FROM (${rows}) WHERE unknown IS NULL))`;
}

async function countKnown(connection: DuckDBConnection): Promise<Pick<MeasurementCard, 'known' | 'unknown'>> {
  const counted = await queryRows(
    connection,
    'SELECT unknown, count(*)::INTEGER AS pairs FROM measured GROUP BY unknown ORDER BY unknown',
    z.object({ unknown: z.string().nullable(), pairs: z.number() }),
  );
  return {
    known: counted.find(({ unknown }) => unknown === null)?.pairs ?? 0,
    unknown: Object.fromEntries(
      counted.flatMap(({ unknown, pairs }) => (unknown === null ? [] : [[unknown, pairs]])),
    ),
  };
}

/** A measurement that orders nothing only looks like one. */
async function refuseUseless(
  connection: DuckDBConnection,
  name: string,
  { known, unknown }: Pick<MeasurementCard, 'known' | 'unknown'>,
): Promise<void> {
  if (known === 0)
    throw fail('MEASUREMENT_EMPTY', {
      name,
      reasons: Object.entries(unknown)
        .map(([reason, pairs]) => `${reason}: ${pairs}`)
        .join(', '),
    });
  const [range] = await queryRows(
    connection,
    'SELECT min(difficulty) AS low, max(difficulty) AS high FROM measured',
    z.object({ low: z.number(), high: z.number() }),
  );
  if (range !== undefined && known > 1 && range.low === range.high)
    throw fail('MEASUREMENT_CONSTANT', { name, difficulty: range.low.toPrecision(6), pairs: known });
}

/** Errors: MEASUREMENT_NAME. */
function measurementPaths(
  { files }: MeasuredSet,
  name: string,
): { card: string; difficulties: string; values: string } {
  if (!/^[a-z0-9][\w.-]{0,99}$/i.test(name)) throw fail('MEASUREMENT_NAME', { got: name.slice(0, 100) });
  const base = join(files.measurements, name);
  return { card: `${base}.json`, difficulties: `${base}.parquet`, values: `${base}.values.parquet` };
}
