// The findings of `betr leaks` as a mask over a ranking: the documents that contain benchmark test items.

import { z } from 'zod';
import { shardsOf } from '../../scoring/shard-changes.ts';
import { parquetSource, sqlString } from '../../data/duckdb/duckdb.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { readLeaks } from '../../leaks/leaks-card.ts';
import type { Ranking } from '../generation.ts';

/**
 * keep: leaks are ignored. drop: documents with leaks are left out. cut: the leaked passages are cut out of
 * the written documents.
 */
export const leakHandling = ['keep', 'drop', 'cut'] as const;
export type LeakHandling = (typeof leakHandling)[number];

export interface LeakMask {
  /** SQL of the table of passages: shard, row, start_byte, end_byte and more. */
  passages: string;
  /** SQL condition on a table with shard and row that selects documents with a passage. */
  leaky: string;
  /** Fingerprint of the test files. */
  tests: string;
}

/**
 * Opens the mask of a ranking's documents. Errors: STEP_MISSING, FILE_DAMAGED; LEAKS_STALE if other files
 * were searched than ranked.
 */
export async function openLeakMask(run: Run, ranking: Ranking): Promise<LeakMask> {
  const { inputs } = await readLeaks(run);
  const searched = new Map(inputs.shards.map((shard) => [shard.shard, shard]));
  for (const { name, bytes, modifiedMs } of shardsOf(ranking.parts)) {
    const found = searched.get(name);
    if (found?.bytes !== bytes || found.modifiedMs !== modifiedMs)
      throw fail('LEAKS_STALE', { shard: name, path: run.files.leaks });
  }
  const passages = parquetSource(run.files.leakTable);
  return {
    passages,
    leaky: `(shard, "row") IN (SELECT (shard, "row") FROM ${passages})`,
    tests: inputs.tests,
  };
}

export const passageRow = z.object({ row: z.number(), startByte: z.number(), endByte: z.number() });
export type PassageRow = z.output<typeof passageRow>;

/** SQL of the passages of one shard, by row and place. */
export function shardPassages({ passages }: LeakMask, shard: string): string {
  return (
    'SELECT "row"::DOUBLE AS "row", start_byte::DOUBLE AS "startByte", end_byte::DOUBLE AS ' +
    `"endByte" FROM ${passages} WHERE shard = ${sqlString(shard)} ORDER BY "row", start_byte`
  );
}
