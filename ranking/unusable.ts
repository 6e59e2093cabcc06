// Finds the shards without a document in a ranking, from what its parts cover and their quarantined rows.

import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { type CoveredRows, type ListedPart, quarantineFile } from '../scoring/part.ts';
import { openRegular } from '../run/regular-file.ts';
import type { Run } from '../run/run.ts';
import { listedUnusable, type UnusableShards } from '../data/files/unusable.ts';

interface Found {
  /** With or without a score. */
  documents: number;
  badRows: number;
  /** Its first rows that include invalid ones, and their part. */
  firstBad?: { part: ListedPart; rows: CoveredRows };
}

/**
 * The shards without a usable row, `fresh` ones first, with the reason of the first invalid row if it was
 * recorded.
 */
export async function findUnusable(
  run: Run,
  parts: readonly ListedPart[],
  fresh: ReadonlySet<string>,
): Promise<UnusableShards> {
  const byShard = new Map<string, Found>();
  for (const part of parts) {
    for (const rows of part.covers) {
      const found: Found = byShard.get(rows.shard) ?? { documents: 0, badRows: 0 };
      found.documents += rows.documents + (rows.unknown ?? 0);
      found.badRows += rows.quarantined;
      if (rows.quarantined > 0) found.firstBad ??= { part, rows };
      byShard.set(rows.shard, found);
    }
  }
  const without = [...byShard]
    .filter(([, { documents }]) => documents === 0)
    .sort(([a], [b]) => Number(fresh.has(b)) - Number(fresh.has(a)) || (a < b ? -1 : 1));
  const unusable = without.filter(([, { badRows }]) => badRows > 0);
  const first: UnusableShards['first'] = [];
  for (const [shard, { badRows, firstBad }] of unusable.slice(0, listedUnusable)) {
    const bad =
      firstBad === undefined
        ? undefined
        : await readFirstBad(join(run.files.quarantine, quarantineFile(firstBad.part.file)), shard);
    first.push({
      shard,
      badRows,
      row: bad?.position ?? firstBad?.rows.firstRow ?? 0,
      reason: bad?.reason ?? 'the reason is no longer recorded',
    });
  }
  return { unusable: unusable.length, empty: without.length - unusable.length, first };
}

const badRowSchema = z.object({ file: z.string(), position: z.number(), reason: z.string() });

async function readFirstBad(path: string, shard: string): Promise<z.output<typeof badRowSchema> | undefined> {
  try {
    const lines = createInterface({
      input: (await openRegular(path)).createReadStream(),
      crlfDelay: Infinity,
    });
    for await (const line of lines) {
      const row = badRowSchema.safeParse(JSON.parse(line)).data;
      if (row?.file === shard) return row;
    }
  } catch {
    // The reason is only informative, so the ranking does not need it.
  }
  return undefined;
}
