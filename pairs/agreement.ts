// How far two measurements of the same pairs agree: Spearman's rank correlation, with a bootstrap interval.

import { z } from 'zod';
import { drawWeights } from '../classifier/fidelity.ts';
import { prepareJudged, spearman } from '../classifier/metrics.ts';
import { withDuckDb } from '../data/duckdb/duckdb.ts';
import { parquetSource } from '../data/duckdb/duckdb.ts';
import { queryRows } from '../data/duckdb/rows.ts';
import { openRandom } from '../data/seeded-random.ts';
import { percentileBounds } from '../data/statistics.ts';
import type { Measurement, ProxyCheck } from './measurement.ts';

const resamples = 200;
/** More would only narrow the interval, and take long to resample. */
const mostCompared = 50_000;

export type Agreement = Pick<ProxyCheck, 'pairs' | 'spearman' | 'low' | 'high'>;

/** Compares the difficulties of at most `most` pairs that both know, drawn at random. */
export async function compareMeasurements(
  a: Pick<Measurement, 'difficulties'>,
  b: Pick<Measurement, 'difficulties'>,
  most = mostCompared,
): Promise<Agreement> {
  const rows = await withDuckDb({}, (connection) =>
    queryRows(
      connection,
      `SELECT a.difficulty AS a, b.difficulty AS b FROM ${parquetSource(a.difficulties)} AS a
        JOIN ${parquetSource(b.difficulties)} AS b USING (pair)
        WHERE a.difficulty IS NOT NULL AND b.difficulty IS NOT NULL
        ORDER BY hash(pair), pair LIMIT ${Math.min(most, mostCompared)}`,
      z.object({ a: z.number(), b: z.number() }),
    ),
  );
  return correlate(
    rows.map((row) => row.a),
    rows.map((row) => row.b),
  );
}

/** Spearman's correlation and its 95% interval; null for fewer than two values, or if all are equal. */
export function correlate(a: readonly number[], b: readonly number[]): Agreement {
  const pairs = a.length;
  if (pairs < 2 || isConstant(a) || isConstant(b)) return { pairs, spearman: null, low: null, high: null };
  // Places are exact in float32.
  const judged = prepareJudged(placesOf(a), Float64Array.from(b), new Uint8Array(pairs));
  const value = spearman(judged, new Uint32Array(pairs).fill(1));
  const random = openRandom(1);
  const samples = Array.from({ length: resamples }, () => spearman(judged, drawWeights(pairs, random)));
  return { pairs, spearman: value, ...percentileBounds(samples, value) };
}

function isConstant(values: readonly number[]): boolean {
  return values.every((value) => value === values[0]);
}

/** The place of each value among the different values. */
function placesOf(values: readonly number[]): Float32Array {
  const sorted = Float64Array.from(new Set(values)).sort();
  const places = new Map(Array.from(sorted, (value, place) => [value, place]));
  return Float32Array.from(values, (value) => places.get(value) ?? 0);
}
