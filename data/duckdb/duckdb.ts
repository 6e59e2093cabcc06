// DuckDB as betr uses it: in memory, with limits, spilling into the run folder, and without network access.

import { existsSync } from 'node:fs';
import type { DuckDBConnection } from '@duckdb/node-api';
import { DuckDBInstance } from './library.ts';
import { endBeforeExit } from './threads.ts';

export interface DuckDbLimits {
  threads?: number;
  memoryMb?: number;
  /**
   * A task that used more memory than this returns it to the system when it ends. By default, DuckDB keeps up
   * to 128 MB for a while.
   */
  keptMb?: number;
  /** Folder for data that does not fit in memory. */
  spill?: string;
  /**
   * The only folder that can be read and written; this also locks the configuration. By default, there is no
   * restriction.
   */
  within?: string;
}

/** DuckDB's default spill folder. */
const duckDbSpill = '.tmp';

export interface OpenDuckDb {
  connection: DuckDBConnection;
  /** Opens another connection, which closes with the database. */
  connect: () => Promise<DuckDBConnection>;
  /** Calls `use` with a new connection. */
  lend: <T>(use: (connection: DuckDBConnection) => Promise<T>) => Promise<T>;
  /** Closes the connections and the database. */
  close: () => void;
}

/** Connections that may be running a query. */
const busy = new Set<DuckDBConnection>();

/** Makes this thread's running queries fail. */
export function interruptQueries(): void {
  for (const connection of busy) connection.interrupt();
}

// An exiting process waits for its native threads, and a query may take many minutes.
endBeforeExit(interruptQueries);

function track(connection: DuckDBConnection): DuckDBConnection {
  busy.add(connection);
  return connection;
}

function close(connection: DuckDBConnection): void {
  busy.delete(connection);
  connection.closeSync();
}

/** Opens an in-memory database with one connection. */
export async function openDuckDb(limits: DuckDbLimits): Promise<OpenDuckDb> {
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    preserve_insertion_order: 'true',
    // The system already caches files; a second cache would use up the memory limit.
    enable_external_file_cache: 'false',
    ...(limits.threads === undefined ? {} : { threads: String(limits.threads) }),
    ...(limits.memoryMb === undefined ? {} : { memory_limit: `${limits.memoryMb}MB` }),
    ...(limits.keptMb === undefined
      ? {}
      : {
          allocator_flush_threshold: `${limits.keptMb}MB`,
          allocator_bulk_deallocation_flush_threshold: `${limits.keptMb}MB`,
        }),
    ...(limits.spill === undefined ? {} : { temp_directory: limits.spill }),
  });
  const connections: DuckDBConnection[] = [];
  const connect = async (): Promise<DuckDBConnection> => {
    const connection = track(await instance.connect());
    connections.push(connection);
    return connection;
  };
  const first = await connect();
  if (limits.within !== undefined) {
    await first.run(`SET allowed_directories = [${sqlString(`${limits.within}/`)}]`);
    await first.run('SET enable_external_access = false');
    await first.run('SET lock_configuration = true');
  }
  return {
    connection: first,
    connect,
    async lend(use) {
      const lent = track(await instance.connect());
      try {
        return await use(lent);
      } finally {
        close(lent);
      }
    },
    close: () => {
      for (const connection of connections) close(connection);
      instance.closeSync();
    },
  };
}

/** Idle databases, by their limits without the spill folder. */
const idle = new Map<string, OpenDuckDb>();

/**
 * Calls `use` with the only connection to an empty in-memory database. Opening and closing a database takes
 * longer than most queries, so an idle one with the same limits is reused.
 */
export async function withDuckDb<T>(
  limits: DuckDbLimits,
  use: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const { spill = duckDbSpill, ...others } = limits;
  const key = JSON.stringify(others);
  const known = idle.get(key);
  idle.delete(key);
  const database = known ?? (await openDuckDb(limits));
  try {
    // A locked configuration cannot be changed for reuse.
    if (limits.within !== undefined) return await use(database.connection);
    const { result, clean } = await database.lend((connection) => useAlone(connection, spill, use));
    if (clean && !idle.has(key)) idle.set(key, database);
    return result;
  } finally {
    if (idle.get(key) !== database) database.close();
  }
}

/**
 * Runs `use` in a temporary catalog that is dropped afterwards. A database that has spilled keeps its folder
 * and is not clean.
 */
async function useAlone<T>(
  connection: DuckDBConnection,
  spill: string,
  use: (connection: DuckDBConnection) => Promise<T>,
): Promise<{ result: T; clean: boolean }> {
  await connection.run(`SET temp_directory = ${sqlString(spill)}; ATTACH ':memory:' AS own; USE own`);
  const result = await use(connection);
  const clean = await connection.run('USE memory; DETACH own').then(
    () => !existsSync(spill),
    () => false,
  );
  return { result, clean };
}

/** A value as an SQL string literal, for places that accept no parameter (COPY … TO, read_parquet lists). */
export function sqlString(value: string): string {
  const literals = value.split('\0').map((part) => `'${part.replaceAll("'", "''")}'`);
  // A query ends at its first NUL.
  return literals.length === 1 ? literals.join('') : `(${literals.join(' || chr(0) || ')})`;
}

/** A name as a quoted SQL identifier. */
export function sqlName(value: string): string {
  return `"${value.replaceAll('"', '""')}"`;
}

/**
 * Parquet files as a table in SQL: paths are taken literally, and folder names add no columns. `options` are
 * those of read_parquet.
 */
export function parquetSource(paths: string | readonly string[], options?: string): string {
  const files = typeof paths === 'string' ? sqlPath(paths) : `[${paths.map(sqlPath).join(', ')}]`;
  return `read_parquet(${[
    files,
    'hive_partitioning = false',
    ...(options === undefined ? [] : [options]),
  ].join(', ')})`;
}

/** A path as an SQL string for functions that read files, with wildcards escaped. */
export function sqlPath(path: string): string {
  return sqlString(path.replace(/[[*?]/g, '[$&]'));
}
