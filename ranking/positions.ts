// The keys of documents that are known by their positions: their places among all rows of the ranking's parts.

import { join } from 'node:path';
import { z } from 'zod';
import { parquetSource } from '../data/duckdb.ts';
import { fail } from '../data/errors.ts';
import type { Run } from '../data/run.ts';
import type { Ranking } from './generation.ts';
import { queryRows, withScores } from './scores.ts';

const count = z.number().int().nonnegative();
export interface Key {
  position: number;
  document: string;
  shard: string;
  row: number;
}

const keyRow = z.object({ position: count, document: z.string(), shard: z.string(), row: count });

/** The keys of some hundreds of documents at most, in the order that decides among equal scores. Errors: those of `withScores`. */
export async function readKeys(run: Run, ranking: Ranking, positions: Uint32Array): Promise<Key[]> {
  const starts: number[] = [];
  let next = 0;
  for (const part of ranking.parts) {
    starts.push(next);
    next += part.documents;
  }
  const rowsByPart = new Map<number, number[]>();
  for (const position of positions) {
    const part = starts.findLastIndex((start) => start <= position);
    rowsByPart.set(part, [...(rowsByPart.get(part) ?? []), position - (starts[part] ?? 0)]);
  }
  const wanted = [...rowsByPart].map(([part, rows]) => {
    const path = join(run.files.scores, ranking.parts[part]?.file ?? '');
    return `SELECT (file_row_number + ${starts[part] ?? 0})::DOUBLE AS position, document, shard, "row"::DOUBLE AS "row" FROM ${parquetSource(path, 'file_row_number = true')} WHERE file_row_number IN (${rows.join(', ')})`;
  });
  const keys = await withScores(run, ranking, (connection) => queryRows(connection, `SELECT * FROM (${wanted.join(' UNION ALL ')}) ORDER BY document, shard, "row"`, keyRow));
  if (keys.length !== positions.length) throw fail('FILE_DAMAGED', { path: run.files.scores, reason: `${keys.length} of ${positions.length} documents are where the ranking counts them`, command: 'betr rank' });
  return keys;
}
