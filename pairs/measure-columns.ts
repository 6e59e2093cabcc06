// Measures difficulty by log probabilities that the files already have: columns of any number of models and their
// checkpoints. A pair whose numbers cannot be trusted is unknown, with the reason.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { sqlName, sqlString } from '../data/duckdb/duckdb.ts';
import { queryRows } from '../data/duckdb/rows.ts';
import { withSpillingDuckDb } from '../data/duckdb/run-files.ts';
import { formatCount, formatNames } from '../run/amounts.ts';
import { fail } from '../run/errors/errors.ts';
import type { LogProbabilityColumns } from '../run/pair-settings.ts';
import type { Run } from '../run/run.ts';
import { placeOf } from './columns.ts';
import type { Checkpoints } from './difficulty.ts';
import { type Measurement, writeMeasurement } from './measurement.ts';
import { type PairSet, pairTable } from './set.ts';

/** The columns of one checkpoint of a model. */
interface CheckpointColumns {
  model: string;
  /** As the columns' names have it. */
  checkpoint: string;
  chosen: string;
  rejected: string;
  referenceChosen: string;
  referenceRejected: string;
  /** Columns whose numbers must be equal: tokens of an answer. */
  tokens: [string, string][];
}

interface ModelColumns {
  model: string;
  /** From first to last. */
  checkpoints: CheckpointColumns[];
  /** Whether checkpoints are numbers of steps. */
  hasSteps: boolean;
}

/**
 * Measures the difficulty of a set's pairs by the log probabilities in its files. Errors: PAIRS_NO_COLUMNS,
 * PAIRS_COLUMN_MISSING, and those of `writeMeasurement`.
 */
export async function measureByColumns(run: Run, set: PairSet, use: Checkpoints): Promise<Measurement> {
  const columns = set.settings.logProbabilities;
  if (columns === undefined) throw fail('PAIRS_NO_COLUMNS', { set: set.name });
  const startedMs = performance.now();
  const models = findModels(set.name, columns, set.card.logProbabilities);
  return withSpillingDuckDb(run.files.spill, async (connection) => {
    const expected = await mostFrequentCount(connection, set, models);
    const count = models.reduce((sum, { checkpoints }) => sum + checkpoints.length, 0);
    return writeMeasurement(
      connection,
      set,
      {
        name: 'columns',
        method: 'columns',
        proxy: false,
        beta: columns.beta,
        checkpoints: use,
        settings: {
          chosen: columns.chosen,
          rejected: columns.rejected,
          referenceChosen: columns.referenceChosen,
          referenceRejected: columns.referenceRejected,
          models: models.length,
          values: count,
        },
        seconds: (performance.now() - startedMs) / 1000,
        notes: describeModels(models, expected, count),
      },
      sqlRows(set, columns, models, expected),
    );
  });
}

/** Errors: PAIRS_COLUMN_MISSING, PAIRS_NO_COLUMNS. */
export function findModels(
  set: string,
  columns: LogProbabilityColumns,
  names: readonly string[],
): ModelColumns[] {
  const known = new Set(names);
  const references = [columns.referenceChosen, columns.referenceRejected];
  const found = names.flatMap((name): CheckpointColumns[] => {
    const place = references.includes(name) ? undefined : placeOf(columns.chosen, name);
    if (place === undefined) return [];
    const need = (template: string): string => {
      const column = template
        .replace('{model}', () => place.model ?? '')
        .replace('{checkpoint}', () => place.checkpoint ?? '');
      if (!known.has(column)) throw fail('PAIRS_COLUMN_MISSING', { set, column, beside: name });
      return column;
    };
    return [
      {
        model: place.model ?? '1',
        checkpoint: place.checkpoint ?? '',
        chosen: name,
        rejected: need(columns.rejected),
        referenceChosen: need(columns.referenceChosen),
        referenceRejected: need(columns.referenceRejected),
        tokens: [
          [columns.chosenTokens, columns.referenceChosenTokens],
          [columns.rejectedTokens, columns.referenceRejectedTokens],
        ].flatMap(([own, reference]): [string, string][] =>
          own === undefined || reference === undefined ? [] : [[need(own), need(reference)]],
        ),
      },
    ];
  });
  if (found.length === 0) throw fail('PAIRS_COLUMN_MISSING', { set, column: columns.chosen, beside: '' });
  return [...new Set(found.map(({ model }) => model))].sort(byNumber).map((model) => {
    const checkpoints = found
      .filter((one) => one.model === model)
      .sort((a, b) => byNumber(a.checkpoint, b.checkpoint));
    return { model, checkpoints, hasSteps: checkpoints.every(({ checkpoint }) => isNumber(checkpoint)) };
  });
}

function isNumber(text: string): boolean {
  return /^\d+(?:\.\d+)?$/.test(text);
}

const collator = new Intl.Collator('en', { numeric: true });

/** Numbers by value, and other names as people sort them. */
function byNumber(a: string, b: string): number {
  return isNumber(a) && isNumber(b) ? Number(a) - Number(b) : collator.compare(a, b) || (a < b ? -1 : 1);
}

/** SQL of rows for `writeMeasurement`. */
function sqlRows(
  set: PairSet,
  { beta }: LogProbabilityColumns,
  models: readonly ModelColumns[],
  expected: number,
): string {
  const all = models.flatMap(({ checkpoints }) => checkpoints);
  const numbers = [
    ...new Set(all.flatMap((one) => [one.chosen, one.rejected, one.referenceChosen, one.referenceRejected])),
  ].map(sqlName);
  const marginOf = (one: CheckpointColumns): string =>
    `${beta} * ((${sqlName(one.chosen)} - ${sqlName(one.referenceChosen)}) - ` +
    `(${sqlName(one.rejected)} - ${sqlName(one.referenceRejected)}))`;
  const structs = models.map(
    ({ model, checkpoints, hasSteps }) =>
      `{model: ${sqlString(model)}, ` +
      `steps: [${checkpoints
        .map(({ checkpoint }) => (hasSteps ? `${checkpoint}::DOUBLE` : 'NULL::DOUBLE'))
        .join(', ')}], ` +
      `margins: [${checkpoints.map(marginOf).join(', ')}]}`,
  );
  const unequal = all.flatMap(({ tokens }) => tokens.map(([a, b]) => `${sqlName(a)} <> ${sqlName(b)}`));
  const oneSided = all.map(
    ({ chosen, rejected }) => `(${sqlName(chosen)} IS NULL) <> (${sqlName(rejected)} IS NULL)`,
  );
  const gaps = 'len(list_filter(one.margins, lambda m: m IS NULL))';
  return `
    SELECT pair, list_filter(every, lambda one: ${gaps} = 0) AS models, CASE
      WHEN ${anyOf(numbers.map((name) => `NOT isfinite(${name})`))} THEN 'a log probability is not a number'
      WHEN ${anyOf(numbers.map((name) => `${name} > 0`))} THEN 'a log probability is positive'
      WHEN ${anyOf(unequal)} THEN 'the models count different tokens'
      WHEN ${anyOf(oneSided)} THEN 'a log probability of one side is missing'
      WHEN counted = 0 THEN 'its log probabilities are missing'
      WHEN counted < ${expected} OR len(list_filter(every, lambda one: ${gaps} > 0 AND ${gaps} < len(one.margins))) > 0
        THEN 'log probabilities of some models are missing'
      END AS unknown
    FROM (SELECT *, [${structs.join(', ')}] AS every, ${sqlCounted(all)} AS counted FROM ${pairTable(set)})`;
}

function sqlCounted(all: readonly CheckpointColumns[]): string {
  const values = all.map(
    (one) =>
      `(coalesce(${[one.chosen, one.rejected, one.referenceChosen, one.referenceRejected]
        .map((name) => `${sqlName(name)} IS NOT NULL`)
        .join(' AND ')}))::INTEGER`,
  );
  return values.join(' + ');
}

function anyOf(conditions: readonly string[]): string {
  return conditions.length === 0
    ? 'false'
    : `coalesce(${conditions.map((one) => `coalesce(${one}, false)`).join(' OR ')})`;
}

/**
 * How many values most pairs have. Models that trained on a pair do not judge it, so each pair may have values of some
 * models only; but a pair that has fewer than the others lacks some.
 */
async function mostFrequentCount(
  connection: DuckDBConnection,
  set: PairSet,
  models: readonly ModelColumns[],
): Promise<number> {
  const counted = sqlCounted(models.flatMap(({ checkpoints }) => checkpoints));
  const [row] = await queryRows(
    connection,
    `SELECT counted FROM (SELECT ${counted} AS counted FROM ${pairTable(set)}) WHERE counted > 0
      GROUP BY counted ORDER BY count(*) DESC, counted DESC LIMIT 1`,
    z.object({ counted: z.number() }),
  );
  return row?.counted ?? 0;
}

function describeModels(models: readonly ModelColumns[], expected: number, count: number): string[] {
  const notes = [
    `${formatCount(models.length)} ${models.length === 1 ? 'model' : 'models'} with ${formatCount(count)} ` +
      `${count === 1 ? 'value' : 'values'} for each pair; most pairs have ${formatCount(expected)}.`,
  ];
  const named = models.filter(({ hasSteps, checkpoints }) => !hasSteps && checkpoints.length > 1);
  if (named.length > 0)
    notes.push(
      `The checkpoints are no numbers, so they are taken in the order of their names: ` +
        `${formatNames(named[0]?.checkpoints.map(({ checkpoint }) => checkpoint) ?? [])}.`,
    );
  return notes;
}
