// Counts shards without any valid document. A problem that affects whole files (a different field name, an
// HTML page) would otherwise be hidden by the valid files.

import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import type { Quarantine } from './quarantine.ts';
import { formatCount, formatCountOf } from '../../run/amounts.ts';

export const unusableShardsSchema = z.object({
  /** Shards with invalid rows and no valid row. */
  unusable: count,
  /** Shards without rows, or with only blank lines. */
  empty: count,
  /**
   * The first unusable shards: how many invalid rows they have, and the row (from 0) and reason of the first
   * one.
   */
  first: z.array(z.object({ shard: z.string(), badRows: count, row: count, reason: z.string() })),
});
export type UnusableShards = z.output<typeof unusableShardsSchema>;
export type UnusableShard = UnusableShards['first'][number];

/** How many shards are listed in files, and how many are named in messages. */
export const listedUnusable = 20;
const named = 3;

export const noneUnusable: UnusableShards = { unusable: 0, empty: 0, first: [] };

/** A note about shards without a usable row. */
export function describeUnusable({ unusable, first }: UnusableShards): string[] {
  if (unusable === 0) return [];
  const more = unusable > named ? ` and ${formatCount(unusable - named)} more` : '';
  return [
    `${formatCountOf(unusable, 'shard')} ${unusable === 1 ? 'has' : 'have'} no usable ` +
      `row: ${describeReasons(first).join(', ')}${more}`,
  ];
}

/** The first few shards with their reasons. */
export function describeReasons(first: readonly UnusableShard[]): string[] {
  return first.slice(0, named).map(({ shard, row, reason }) => `${shard} (row ${row}: ${reason})`);
}

/** Counts unusable shards during reading. */
export interface UsabilityCount {
  /** Pass this quarantine to the reader instead of the original one. */
  quarantine: Quarantine;
  /** Call this at the end of each shard, with its number of documents. */
  endShard(shard: string, documents: number): void;
  result(): UnusableShards;
}

/**
 * Counts the unusable and empty shards among shards that are read one after the other. Their invalid rows are
 * forwarded to `quarantine`.
 */
export function countUsable(quarantine: Quarantine): UsabilityCount {
  const result: UnusableShards = { unusable: 0, empty: 0, first: [] };
  let firstBad: Pick<UnusableShard, 'row' | 'reason'> | undefined;
  let badRows = 0;
  return {
    quarantine: {
      add(file, position, reason, detail) {
        firstBad ??= { row: position, reason };
        badRows++;
        quarantine.add(file, position, reason, detail);
      },
      get count() {
        return quarantine.count;
      },
    },
    endShard(shard, documents) {
      if (documents === 0 && firstBad === undefined) result.empty++;
      if (documents === 0 && firstBad !== undefined) {
        result.unusable++;
        if (result.first.length < listedUnusable) result.first.push({ shard, badRows, ...firstBad });
      }
      firstBad = undefined;
      badRows = 0;
    },
    result: () => result,
  };
}
