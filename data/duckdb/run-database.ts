// The database of a run: an in-memory DuckDB with bounded memory that spills into the run's folder. A served run's
// queries share one that stays open.

import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { BetrError } from '../../run/errors/errors.ts';
import { spillPrefix } from '../../run/files.ts';
import type { Run } from '../../run/run.ts';
import { isAbandoned, keepOwned, ownedName } from '../files/owned-files.ts';
import { type DuckDbLimits, type OpenDuckDb, openDuckDb } from './duckdb.ts';
import { spillError, withSpillingDuckDb } from './run-files.ts';

/**
 * Memory of a database; beyond it, data is spilled. A server's threads have several at a time, beside the
 * shared one.
 */
const memoryMb = 1024;
const confinedMemoryMb = 384;
const sharedMemoryMb = 768;

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
