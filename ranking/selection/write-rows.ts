// Writes the list of the documents that a cutoff keeps.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { commitFile } from '../../data/files/commit.ts';
import { sqlString } from '../../data/duckdb/duckdb.ts';
import { fail, reasonOf } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import { keptQuery } from './kept-rows.ts';
import { withScores } from '../scores.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import type { SelectionFile } from './manifest.ts';
import type { Cutoff } from '../cutoff.ts';
import type { Keeping } from './kept-rows.ts';

/**
 * Writes (shard, row, document, score, and how often to repeat it) of the kept documents, or of those that
 * satisfy `only`, until the signal aborts. Sorted, DuckDB's output does not depend on its threads.
 */
export async function writeRows(
  run: Run,
  ranking: Ranking,
  kept: Kept,
  path: string,
  signal?: AbortSignal,
  only: { condition: string; documents: number; repeat?: string | undefined } = {
    condition: 'true',
    documents: kept.documents,
  },
): Promise<void> {
  await withScores(run, ranking, (connection, table) =>
    commitFile(path, async (temporary) => {
      signal?.throwIfAborted();
      signal?.addEventListener('abort', () => connection.interrupt(), { once: true });
      const reader = await connection
        .runAndReadAll(
          `COPY (SELECT * FROM (${keptQuery(table, kept, only.repeat)}) ` +
            `WHERE ${only.condition} ORDER BY shard, "row") ` +
            `TO ${sqlString(temporary)} (FORMAT parquet, COMPRESSION zstd)`,
        )
        .catch((error: unknown) => {
          throw readingError(run, error);
        });
      const written = Number(reader.getRowObjects()[0]?.['Count']);
      if (written !== only.documents) {
        throw fail('FILE_DAMAGED', {
          path: run.files.scores,
          reason: `${written} documents are above the cutoff, but the ranking counts ${only.documents}`,
          command: 'betr rank',
        });
      }
    }),
  );
}

/** DuckDB reads and writes in one statement: FILE_DAMAGED if its error names a part, else the error itself. */
function readingError({ files }: Run, error: unknown): unknown {
  const reason = reasonOf(error);
  return reason.includes(`${files.scores}/`)
    ? fail('FILE_DAMAGED', { path: files.scores, reason, command: 'betr rank' }, error)
    : error;
}

export async function describeFile(folder: string, file: string, documents: number): Promise<SelectionFile> {
  const path = join(folder, file);
  return { file, documents, bytes: (await stat(path)).size, sha256: await sha256File(path) };
}

export type Kept = Keeping & Pick<Cutoff, 'documents' | 'tokens'>;
