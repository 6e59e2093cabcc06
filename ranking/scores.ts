// The published scores as one table for SQL: an in-memory DuckDB over the ranking's Parquet parts, with
// bounded memory and spilling into the run's folder.

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { type DuckDbLimits, type OpenDuckDb, openDuckDb, parquetSource } from '../data/duckdb/duckdb.ts';
import { BetrError, fail, reasonOf } from '../run/errors/errors.ts';
import { sha256File } from '../data/files/hash-files.ts';
import { spillError, withSpillingDuckDb } from '../data/duckdb/run-files.ts';
import { isAbandoned, keepOwned, ownedName } from '../data/files/owned-files.ts';
import { spillPrefix } from '../run/files.ts';
import type { Run } from '../run/run.ts';
import type { Ranking } from './generation.ts';

/**
 * Memory of a database; beyond it, data is spilled. A server's threads have several at a time, beside the
 * shared one.
 */
const memoryMb = 1024;
const confinedMemoryMb = 384;
const sharedMemoryMb = 768;

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

/**
 * An in-memory database of bounded size that spills into the run's folder; for a served run, a connection to
 * the shared one. Errors: DISK_FULL, and those of `use`.
 */
export async function withRunDatabase<T>(
  run: Run,
  use: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const shared = run.confined === true ? sharedDatabases.get(run.folder) : undefined;
  if (shared !== undefined) return shared.lend(use);
  return withSpill(run, (spill) =>
    withSpillingDuckDb(spill, use, {
      ...limitsOf(run),
      ...(run.confined === true ? { memoryMb: confinedMemoryMb } : {}),
    }),
  );
}

interface SharedDatabase {
  lend: OpenDuckDb['lend'];
  close(): Promise<void>;
}
/** By run folder. Each thread has its own. */
const sharedDatabases = new Map<string, SharedDatabase>();

/**
 * Keeps one database open for the queries of a served run until it is closed: opening one takes longer than
 * most queries. Queries may create temporary tables only. A failure may leave the database unusable, so the
 * next query gets a new one.
 */
export async function shareDatabase(run: Run): Promise<{ close(): Promise<void> }> {
  const open = (): Promise<OpenDuckDb> =>
    openDuckDb({ ...limitsOf(run), spill: spill.path, memoryMb: sharedMemoryMb });
  const spill = await prepareSpill(run);
  let database: { opened: Promise<OpenDuckDb>; lent: number } | undefined;
  const own: SharedDatabase = {
    async lend(use) {
      const lending = (database ??= { opened: open(), lent: 0 });
      lending.lent++;
      try {
        return await (await lending.opened).lend(use);
      } catch (error) {
        if (database === lending && !(error instanceof BetrError)) database = undefined;
        throw spillError(error, spill.path);
      } finally {
        lending.lent--;
        if (lending !== database && lending.lent === 0)
          (await lending.opened.catch(() => undefined))?.close();
      }
    },
    async close() {
      if (sharedDatabases.get(run.folder) === own) sharedDatabases.delete(run.folder);
      const closing = database;
      database = undefined;
      if (closing?.lent === 0) (await closing.opened).close();
      await spill.remove();
    },
  };
  sharedDatabases.set(run.folder, own);
  return own;
}

function limitsOf(run: Run): DuckDbLimits {
  return {
    memoryMb,
    ...(run.confined === true ? { within: run.folder } : {}),
    ...(run.settings.workers === undefined ? {} : { threads: run.settings.workers }),
  };
}

/**
 * The path of a folder to spill into, created on first use. Databases must not share one, as their temporary
 * files have the same names. Removes what killed processes left behind.
 */
async function prepareSpill({ folder }: Run): Promise<{ path: string; remove: () => Promise<void> }> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (name.startsWith(spillPrefix) && (await isAbandoned(path)))
      await rm(path, { recursive: true, force: true });
  }
  const path = join(folder, `${spillPrefix}${ownedName()}`);
  const forget = keepOwned(path);
  return {
    path,
    async remove() {
      forget();
      await rm(path, { recursive: true, force: true });
    },
  };
}

/**
 * Calls `use` with the path of a new folder inside the run's, which `use` creates if needed and which is
 * removed afterwards. Errors: DISK_FULL, and those of `use`.
 */
export async function withSpill<T>(run: Run, use: (folder: string) => Promise<T>): Promise<T> {
  const spill = await prepareSpill(run);
  try {
    return await use(spill.path);
  } catch (error) {
    throw spillError(error, spill.path);
  } finally {
    await spill.remove();
  }
}
