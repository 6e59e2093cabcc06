// How many pairs of a set are how difficult, by source, and the difficulty up to which each share of them goes.

import { z } from 'zod';
import { parquetSource } from '../data/duckdb/duckdb.ts';
import { queryRows, sqlList } from '../data/duckdb/rows.ts';
import { withRunDatabase } from '../data/duckdb/run-database.ts';
import type { Run } from '../run/run.ts';
import { count } from '../run/schemas.ts';
import { chooseMeasurement } from './answer.ts';
import { openPairs, pairTable } from './set.ts';

export const pairHistogramSchema = z.strictObject({
  set: z.string(),
  measurement: z.string(),
  /** Pairs with a known difficulty. */
  known: count,
  /** The steps divide this range equally; harder pairs are in the last step. */
  from: z.number(),
  to: z.number(),
  /** The most pairs first. Sources beyond those listed are one, named null with `others` true. */
  sources: z.array(
    z.strictObject({
      /** null: pairs without a source. */
      source: z.string().nullable(),
      others: z.boolean(),
      pairs: count,
      /** Pairs in each step. */
      steps: z.array(count),
    }),
  ),
  /** Difficulties up to which 0, 1/200, 2/200, … of the known pairs go, easiest first. */
  quantiles: z.array(z.number()),
});
export type PairHistogram = z.output<typeof pairHistogramSchema>;

/** [ours] The hardest pairs may be far out; beyond this quantile they share the last step. */
const highest = 0.995;
const shares = Array.from({ length: 201 }, (_, index) => index / 200);
const mostSources = 6;

const rangeSchema = z.object({
  known: z.number(),
  low: z.number(),
  high: z.number(),
  quantiles: sqlList(z.number()),
});
const stepSchema = z.object({
  source: z.string().nullable(),
  others: z.boolean(),
  step: z.number(),
  pairs: z.number(),
});

/** Errors: those of `openPairs` and `chooseMeasurement`, DISK_FULL. */
export async function histogramOfPairs(
  run: Run,
  name: string,
  asked: { measurement?: string | undefined; steps: number },
): Promise<PairHistogram> {
  const set = await openPairs(run, name);
  const { card, difficulties } = await chooseMeasurement(set, asked.measurement);
  const measured = `(SELECT pair, difficulty FROM ${parquetSource(difficulties)} WHERE difficulty IS NOT NULL)`;
  return withRunDatabase(run, async (connection) => {
    const [range] = await queryRows(
      connection,
      `SELECT count(*)::DOUBLE AS known, min(difficulty) AS low, quantile_disc(difficulty, ${highest}) AS high,
        quantile_disc(difficulty, [${shares.join()}]) AS quantiles FROM ${measured}`,
      rangeSchema,
    );
    if (range === undefined) throw new Error('The range has one row');
    const { known, low, high, quantiles } = range;
    const width = (high - low) / asked.steps;
    // Also where all difficulties up to `high` are equal.
    const step = width > 0 ? `least(${asked.steps - 1}, floor((difficulty - ${low}) / ${width}))` : '0';
    const found = await queryRows(
      connection,
      `WITH counted AS (
        SELECT source, ${step}::DOUBLE AS step, count(*)::DOUBLE AS pairs
        FROM ${pairTable(set)} JOIN ${measured} USING (pair) GROUP BY ALL),
      sizes AS (SELECT source, row_number() OVER (ORDER BY sum(pairs) DESC, source) > ${mostSources} AS others
        FROM counted GROUP BY source)
      SELECT CASE WHEN others THEN NULL ELSE counted.source END AS source, others, step, sum(pairs) AS pairs
      FROM counted JOIN sizes ON counted.source IS NOT DISTINCT FROM sizes.source GROUP BY ALL`,
      stepSchema,
    );
    const sources = new Map<string, PairHistogram['sources'][number]>();
    for (const { source, others, step: at, pairs } of found) {
      const key = JSON.stringify([source, others]);
      const one = sources.get(key) ?? {
        source,
        others,
        pairs: 0,
        steps: Array.from({ length: asked.steps }, () => 0),
      };
      sources.set(key, one);
      one.pairs += pairs;
      one.steps[at] = (one.steps[at] ?? 0) + pairs;
    }
    return {
      set: name,
      measurement: card.name,
      known,
      from: low,
      to: high,
      sources: [...sources.values()].sort((a, b) => Number(a.others) - Number(b.others) || b.pairs - a.pairs),
      quantiles,
    };
  });
}
