// Counts what changes from each line of a comparison to the next.

import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import type { Run } from '../../run/run.ts';
import { type Cutoff, keptCondition } from '../cutoff.ts';
import type { Ranking, ChosenScores } from '../generation.ts';
import { withScores } from '../scores.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import type { Amount, Comparison, Line } from './compare-budgets.ts';

const bandRow = z.object({
  kept: z.string(),
  source: z.string(),
  winner: count.nullable(),
  documents: count,
  tokens: count,
});
/** Documents of one source and winning benchmark that the same cuts keep. */
interface Band extends Amount {
  /** For each cut, whether it keeps these documents; the last is no filter, which keeps all. */
  kept: boolean[];
  source: string;
  winner: number | null;
}

export async function countBands(
  run: Run,
  ranking: Ranking,
  winners: ChosenScores | undefined,
  cutoffs: readonly Cutoff[],
): Promise<Band[]> {
  const kept =
    cutoffs.map((cutoff) => `CASE WHEN ${keptCondition(cutoff)} THEN '1' ELSE '0' END`).join(' || ') || "''";
  const winner = winners === undefined ? 'NULL' : 'winner::DOUBLE';
  const sql = (table: string): string =>
    `SELECT ${kept} AS kept, source, ${winner} AS winner, count(*)::DOUBLE AS documents, ` +
    `sum(tokens)::DOUBLE AS tokens FROM ${table} GROUP BY ALL ORDER BY ALL`;
  const rows = await withScores(
    run,
    ranking,
    (connection, table) => queryRows(connection, sql(table), bandRow),
    winners,
  );
  return rows.map((row) => ({ ...row, kept: [...Array.from(row.kept, (digit) => digit === '1'), true] }));
}

export function describeStep(
  from: Line,
  to: Line,
  index: number,
  bands: readonly Band[],
  winners: ChosenScores | undefined,
): Comparison['steps'][number] {
  const keptBy = (band: Band, line: number): boolean => band.kept[line] ?? false;
  const added = bands.filter((band) => !keptBy(band, index) && keptBy(band, index + 1));
  const removed = bands.filter((band) => keptBy(band, index) && !keptBy(band, index + 1));
  const both = sum(bands.filter((band) => keptBy(band, index) && keptBy(band, index + 1))).tokens;
  const either = both + sum(added).tokens + sum(removed).tokens;
  const by = <K>(
    keys: readonly K[],
    keyOf: (band: Band) => K,
  ): { key: K; added: Amount; removed: Amount }[] =>
    keys
      .map((key) => ({
        key,
        added: sum(added.filter((band) => keyOf(band) === key)),
        removed: sum(removed.filter((band) => keyOf(band) === key)),
      }))
      .filter((one) => one.added.documents + one.removed.documents > 0)
      .sort((a, b) => b.added.tokens + b.removed.tokens - a.added.tokens - a.removed.tokens);
  return {
    from: from.name,
    to: to.name,
    jaccard: either === 0 ? null : both / either,
    added: sum(added),
    removed: sum(removed),
    sources: by([...new Set(bands.map(({ source }) => source))], ({ source }) => source).map(
      ({ key, ...change }) => ({ source: key, ...change }),
    ),
    benchmarks: by([...(winners?.benchmarks ?? []).keys()], ({ winner }) => winner ?? -1).map(
      ({ key, ...change }) => ({ benchmark: winners?.benchmarks[key] ?? '', ...change }),
    ),
  };
}

function sum(bands: readonly Amount[]): Amount {
  return {
    documents: bands.reduce((all, { documents }) => all + documents, 0),
    tokens: bands.reduce((all, { tokens }) => all + tokens, 0),
  };
}
