// All documents in the order of their keys, which decides among equal scores: with it in memory, no cut needs
// the disk. Sorting millions of keys takes a while, so the order is cached in the run's folder as long as the
// generation is published.

import { join } from 'node:path';
import { DuckDBUIntegerVector } from '../../data/duckdb/library.ts';
import { commitBytes, saveIfPossible } from '../../data/files/commit.ts';
import { streamChunks } from '../../data/duckdb/stream.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import { addWords, readShared } from './shared-file.ts';
import { withScores } from '../scores.ts';

/** The cached positions in the order of keys, in shared memory; undefined if missing or damaged. */
export async function readKeyOrder(run: Run, ranking: Ranking): Promise<Uint32Array | undefined> {
  const bytes = await readShared(pathOf(run, ranking));
  if (bytes?.byteLength !== 4 * (ranking.documents + 1)) return undefined;
  const words = new Uint32Array(bytes.buffer);
  const positions = words.subarray(0, ranking.documents);
  return addWords(0, positions) === words.at(-1) ? positions : undefined;
}

/**
 * Sorts all keys and caches the positions in their order, until the signal aborts. Errors: those of
 * `withScores`.
 */
export async function makeKeyOrder(run: Run, ranking: Ranking, signal?: AbortSignal): Promise<Uint32Array> {
  // As in the file, the last word is the checksum of the others.
  const words = new Uint32Array(new SharedArrayBuffer(4 * (ranking.documents + 1)));
  const positions = words.subarray(0, ranking.documents);
  await withScores(run, ranking, async (connection, table) => {
    const sql =
      'SELECT position::UINTEGER AS position FROM (SELECT row_number() OVER () - 1 AS ' +
      `position, document, shard, "row" FROM ${table}) ORDER BY document, shard, "row"`;
    let place = 0;
    for await (const chunk of streamChunks(connection, sql, signal)) {
      const vector = chunk.getColumnVector(0);
      if (!(vector instanceof DuckDBUIntegerVector))
        throw fail('INTERNAL', { reason: `a position is of type ${vector.type.toString()}` });
      for (let i = 0; i < vector.itemCount; i++) positions[place++] = vector.getItem(i) ?? 0;
    }
  });
  words[ranking.documents] = addWords(0, positions);
  await saveIfPossible(commitBytes(pathOf(run, ranking), new Uint8Array(words.buffer)));
  return positions;
}

function pathOf(run: Run, { generation }: Ranking): string {
  return join(run.files.keyOrders, `${generation}.positions`);
}
