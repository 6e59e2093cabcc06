// Which pairs a cut keeps, as SQL: every pair with its difficulty and whether it is kept.

import { sqlString } from '../data/duckdb/duckdb.ts';

export const cutOrders = ['easiest', 'middle', 'hardest', 'random'] as const;
export type CutOrder = (typeof cutOrders)[number];

/** What pairs can be grouped by. */
export const groupColumns = ['source', 'category', 'language'] as const;
export type GroupColumn = (typeof groupColumns)[number];

export interface Cut {
  /** How many pairs with a known difficulty are kept. */
  pairs: number;
  order: CutOrder;
  /** Of the random order. */
  seed: number;
  /** The share of each group's known pairs that is kept at least, rounded down to whole pairs. */
  floor?: { share: number; by: GroupColumn } | undefined;
}

/** Each pair's place from easiest to hardest decides ties, so that the same files always give the same cut. */
const keys = {
  easiest: () => 'place',
  hardest: () => '-place',
  middle: () => 'abs(2 * place - total - 1)',
  random: (seed) => `md5('${seed}/' || id)`,
} satisfies Record<CutOrder, (seed: number) => string>;

/**
 * SQL with a row for every pair: pair, turn, difficulty, unknown, source, category, language, kept. The floors come
 * first; the rest of the pairs are the next in the order, whatever their group.
 */
export function sqlCut(
  pairs: string,
  difficulties: string,
  { pairs: keep, order, seed, floor }: Cut,
): string {
  const group = floor === undefined ? 'NULL' : floor.by;
  const share = floor?.share ?? 0;
  return `
    WITH every AS (
      SELECT pair, id, source, category, language, difficulty, unknown
      FROM ${pairs} AS pairs JOIN ${difficulties} AS measured USING (pair)),
    known AS (
      SELECT pair, id, ${group} AS cut_group, row_number() OVER (ORDER BY difficulty, pair) AS place,
        count(*) OVER () AS total
      FROM every WHERE difficulty IS NOT NULL),
    keyed AS (SELECT *, ${keys[order](seed)} AS key FROM known),
    floored AS (
      SELECT *, row_number() OVER (PARTITION BY cut_group ORDER BY key, place)
        <= floor(${sqlString(String(share))}::DOUBLE * count(*) OVER (PARTITION BY cut_group) + 1e-9) AS is_floor
      FROM keyed),
    turns AS (SELECT pair, row_number() OVER (ORDER BY is_floor DESC, key, place) AS turn FROM floored)
    SELECT every.pair, turn, difficulty, unknown, source, category, language, coalesce(turn <= ${keep}, false) AS kept
    FROM every LEFT JOIN turns USING (pair)`;
}
