// The published scores as one table for SQL: an in-memory DuckDB over the ranking's Parquet parts, with
// bounded memory and spilling into the run's folder.

import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { parquetSource } from '../data/duckdb/duckdb.ts';
import { withRunDatabase } from '../data/duckdb/run-database.ts';
import { BetrError, fail, reasonOf } from '../run/errors/errors.ts';
import { sha256File } from '../data/files/hash-files.ts';
import type { Run } from '../run/run.ts';
import type { Ranking } from './generation.ts';

/**
 * Calls `use` with a connection and the SQL of a table of the scores of every document that has one (columns
 * of scoring/part.ts, in the parts' order). With chosen benchmarks, `score` is the one by these, and the ranking
 * must have all of its parts. With chosen scores, the ranking's or `winners`, there is one more column:
 * `winner`, the number of the benchmark a document is best for. Errors: FILE_DAMAGED if a part cannot be
 * read, DISK_FULL if spilling fails, and those of `use`.
 */
export async function withScores<T>(
  run: Run,
  ranking: Ranking,
  use: (connection: DuckDBConnection, table: string) => Promise<T>,
  winners = ranking.chosen,
): Promise<T> {
  const parts = scoresTable(run, ranking);
  const score = ranking.chosen === undefined ? 'parts.*' : 'parts.* REPLACE (target.score AS score)';
  const table =
    winners === undefined
      ? parts
      : `(SELECT ${score}, target.winner FROM ${parts} parts POSITIONAL JOIN ${parquetSource(winners.path)} target)`;
  try {
    return await withRunDatabase(run, (connection) => use(connection, table));
  } catch (error) {
    const isOfScores =
      !(error instanceof BetrError) ||
      (error.code === 'FILE_DAMAGED' && error.values.path === run.files.scores);
    // A server checks its parts in the background: reading all of them for a question would stall it.
    const altered = isOfScores && run.confined !== true ? await findAltered(run, ranking) : undefined;
    if (altered !== undefined)
      throw fail(
        'FILE_DAMAGED',
        { path: altered, reason: 'its checksum does not match; remove it', command: 'betr rank' },
        error,
      );
    if (error instanceof BetrError) throw error;
    throw fail(
      'FILE_DAMAGED',
      { path: run.files.scores, reason: reasonOf(error), command: 'betr rank' },
      error,
    );
  }
}

/** The first part whose checksum does not match; undefined if all do. */
async function findAltered(run: Run, { parts }: Ranking): Promise<string | undefined> {
  for (const { file, sha256 } of parts) {
    const path = join(run.files.scores, file);
    if ((await sha256File(path).catch(() => '')) !== sha256) return path;
  }
  return undefined;
}

/** The scores of every document of a ranking that has one, as SQL. */
export function scoresTable(run: Run, ranking: Ranking): string {
  const parts = parquetSource(ranking.parts.map(({ file }) => join(run.files.scores, file)));
  return ranking.unknown === undefined ? parts : `(SELECT * FROM ${parts} WHERE score IS NOT NULL)`;
}

/** The documents without a score of a ranking that has some, as SQL. */
export function unknownTable(run: Run, { parts }: Ranking): string {
  const files = parts.filter(({ unknownDocuments = 0 }) => unknownDocuments > 0).map(({ file }) => file);
  return `(SELECT * FROM ${parquetSource(files.map((file) => join(run.files.scores, file)))} WHERE score IS NULL)`;
}
