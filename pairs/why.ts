// Why a pair is as difficult as it is: what every model said about it, its place among all pairs and among those of its
// source, category and language, and what speaks for a mistake in the data.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { parquetSource, sqlString } from '../data/duckdb/duckdb.ts';
import { queryRows } from '../data/duckdb/rows.ts';
import { withRunDatabase } from '../data/duckdb/run-database.ts';
import { formatCountOf, formatShare } from '../run/amounts.ts';
import { fail } from '../run/errors/errors.ts';
import type { Run } from '../run/run.ts';
import { count } from '../run/schemas.ts';
import { chooseMeasurement } from './answer.ts';
import { groupColumns } from './cut.ts';
import type { Measurement } from './measurement.ts';
import { openPairs, type PairSet, pairTable } from './set.ts';
import { readShownPairs, type ShownPair, shownPairSchema } from './shown-pair.ts';

const groupSchema = z.strictObject({
  /** null: all pairs. */
  by: z.enum(groupColumns).nullable(),
  group: z.string().nullable(),
  /** Pairs with a known difficulty. */
  known: count,
  /** Share of them that is easier; equal ones count half. */
  easier: z.number(),
  /** Quartiles of their difficulty. */
  low: z.number(),
  median: z.number(),
  high: z.number(),
});
export type WhyGroup = z.output<typeof groupSchema>;

const valueSchema = z.strictObject({
  model: z.string(),
  checkpoint: z.number().nullable(),
  margin: z.number(),
  loss: z.number(),
});

export const whyPairSchema = z.strictObject({
  set: z.string(),
  measurement: z.strictObject({
    name: z.string(),
    method: z.string(),
    proxy: z.boolean(),
    beta: z.number().nullable(),
  }),
  pair: shownPairSchema,
  /** The pair's place among all pairs, then in its source, category and language; empty if it is unknown. */
  places: z.array(groupSchema),
  /** What each model said. */
  values: z.array(valueSchema),
  /** Values beyond those listed. */
  moreValues: count,
  reasons: z.array(z.string()),
});
export type WhyPair = z.output<typeof whyPairSchema>;

const mostValues = 200;

/** Errors: PAIR_UNKNOWN, those of `openPairs` and `chooseMeasurement`, DISK_FULL. */
export async function explainPair(
  run: Run,
  name: string,
  { id, measurement, characters }: { id: string; measurement?: string | undefined; characters: number },
): Promise<WhyPair> {
  const set = await openPairs(run, name);
  const measured = await chooseMeasurement(set, measurement);
  return withRunDatabase(run, async (connection) => {
    const read = await readShownPairs(connection, set, measured, `id = ${sqlString(id)}`, characters);
    const [found] = read;
    if (found === undefined) throw fail('PAIR_UNKNOWN', { set: name, id: id.slice(0, 200) });
    const [number, pair] = found;
    const places = pair.difficulty === null ? [] : await findPlaces(connection, set, measured, pair);
    const values = await readValues(connection, measured, number);
    const { card } = measured;
    return {
      set: name,
      measurement: { name: card.name, method: card.method, proxy: card.proxy, beta: card.beta },
      pair,
      places,
      values: values.slice(0, mostValues),
      moreValues: Math.max(0, values.length - mostValues),
      reasons: listReasons(pair, places, values, card.proxy),
    };
  });
}

async function findPlaces(
  connection: DuckDBConnection,
  set: PairSet,
  { difficulties }: Measurement,
  pair: ShownPair,
): Promise<WhyGroup[]> {
  // As a text, because DuckDB reads a number as a decimal, which may be another double.
  const own = `${sqlString(String(pair.difficulty))}::DOUBLE`;
  const groups: { by: WhyGroup['by']; group: string | null }[] = [
    { by: null, group: null },
    ...groupColumns.flatMap((by) => (pair[by] === null ? [] : [{ by, group: pair[by] }])),
  ];
  const places: WhyGroup[] = [];
  for (const { by, group } of groups) {
    const rows = await queryRows(
      connection,
      `SELECT count(*)::DOUBLE AS known,
        (count(*) FILTER (difficulty < ${own}) + count(*) FILTER (difficulty = ${own}) / 2) / count(*) AS easier,
        quantile_cont(difficulty, .25) AS low, quantile_cont(difficulty, .5) AS median,
        quantile_cont(difficulty, .75) AS high
      FROM ${parquetSource(difficulties)} ${by === null ? '' : `JOIN ${pairTable(set)} USING (pair)`}
      WHERE difficulty IS NOT NULL ${by === null ? '' : `AND ${by} = ${sqlString(group ?? '')}`}`,
      groupSchema.omit({ by: true, group: true }),
    );
    places.push(...rows.map((row) => ({ by, group, ...row })));
  }
  return places;
}

function readValues(
  connection: DuckDBConnection,
  { values }: Measurement,
  pair: number,
): Promise<z.output<typeof valueSchema>[]> {
  return queryRows(
    connection,
    `SELECT model, checkpoint, margin, loss FROM ${parquetSource(values)} WHERE pair = ${pair}
    ORDER BY model, checkpoint`,
    valueSchema,
  );
}

/** [ours] A mean margin this close to 0 prefers neither answer; the loss is then about ln 2. */
const noPreference = 0.02;

function listReasons(
  { difficulty, unknown, margin, scoreChosen, scoreRejected }: ShownPair,
  places: readonly WhyGroup[],
  values: readonly { model: string; margin: number }[],
  proxy: boolean,
): string[] {
  if (difficulty === null) return [`Its difficulty is unknown: ${unknown ?? ''}.`];
  const reasons: string[] = [];
  const models = new Set(values.map(({ model }) => model));
  const against = [...models].filter((model) => {
    const own = values.filter((value) => value.model === model);
    return own.reduce((sum, value) => sum + value.margin, 0) < 0;
  });
  const who = proxy ? 'The proxy' : models.size === 1 ? 'The reference model' : 'The reference models';
  const s = proxy || models.size === 1 ? 's' : '';
  if (margin !== null && Math.abs(margin) <= noPreference)
    reasons.push(`${who} hardly prefer${s} one answer to the other (mean margin ${signed(margin)}).`);
  else if (margin !== null)
    reasons.push(
      `${who} prefer${s} the ${margin < 0 ? 'rejected' : 'chosen'} answer (mean margin ${signed(margin)}` +
        `${
          against.length > 0 && models.size > 1
            ? `; ${against.length} of ${formatCountOf(models.size, 'model')} prefer the rejected one`
            : ''
        }).`,
    );
  if (scoreChosen !== null && scoreRejected !== null && scoreRejected >= scoreChosen)
    reasons.push(
      scoreRejected > scoreChosen
        ? `The files score the rejected answer higher (${scoreRejected} against ${scoreChosen}): the sides ` +
            'may be swapped.'
        : `The files give both answers the same score (${scoreChosen}).`,
    );
  const [all, ...groups] = places;
  for (const { by, group, known, median, easier } of groups)
    if (all !== undefined && known < all.known && median > all.high)
      reasons.push(
        `Most of its ${by ?? ''} is hard: the median of "${group ?? ''}" is above three quarters of all ` +
          `pairs. Within it, ${formatShare(easier)} are easier.`,
      );
  return reasons;
}

function signed(value: number): string {
  return `${value > 0 ? '+' : ''}${value.toPrecision(2)}`.replace('-', '−');
}
