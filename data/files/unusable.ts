// Shards that give no document. What is wrong with one file is often wrong with many (another field's name, a
// page of HTML), and the other files hide it.

import { z } from 'zod';
import type { Quarantine } from './quarantine.ts';
import { formatCount, formatCountOf } from '../../run/amounts.ts';

const count = z.number().int().nonnegative();

export const unusableShardsSchema = z.object({
  /** Shards that have bad rows and no usable one. */
  unusable: count,
  /** Shards without any row, or with blank lines alone. */
  empty: count,
  /**
   * The first of the unusable ones: how many bad rows they have, and what is wrong with the first of these
   * (0-based).
   */
  first: z.array(z.object({ shard: z.string(), badRows: count, row: count, reason: z.string() })),
});
export type UnusableShards = z.output<typeof unusableShardsSchema>;
export type UnusableShard = UnusableShards['first'][number];

/** So many are listed, and so many named to people. */
export const listedUnusable = 20;
const named = 3;

export const noneUnusable: UnusableShards = { unusable: 0, empty: 0, first: [] };

/** What readers have to know of shards without a usable row. */
export function describeUnusable({ unusable, first }: UnusableShards): string[] {
  if (unusable === 0) return [];
  const more = unusable > named ? ` and ${formatCount(unusable - named)} more` : '';
  return [
    `${formatCountOf(unusable, 'shard')} ${unusable === 1 ? 'has' : 'have'} no usable ` +
      `row: ${describeReasons(first).join(', ')}${more}`,
  ];
}

/** The first few of them with their reasons. */
export function describeReasons(first: readonly UnusableShard[]): string[] {
  return first.slice(0, named).map(({ shard, row, reason }) => `${shard} (row ${row}: ${reason})`);
}

/** Follows a reader from shard to shard. */
export interface UsabilityCount {
  /** To be given to the reader in place of the quarantine behind it. */
  quarantine: Quarantine;
  /** The shard has been read to its end, and has given so many documents. */
  endShard(shard: string, documents: number): void;
  result(): UnusableShards;
}

/**
 * Counts the unusable and the empty shards among those read one after the other. Their bad rows go on to
 * `quarantine`.
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
