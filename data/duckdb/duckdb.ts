// DuckDB as the product uses it: in memory, bounded, spilling into a folder of the run, and with no reach
// beyond local files.

import { existsSync } from 'node:fs';
import type { DuckDBConnection, DuckDBDataChunk, DuckDBResult } from '@duckdb/node-api';
import { DuckDBInstance, ResultReturnType } from './library.ts';

export interface DuckDbLimits {
  threads?: number;
  memoryMb?: number;
  /**
   * Memory that a task took is given back to the system as soon as it ends, where that was more than this;
   * left out: DuckDB keeps up to 128 MB for a while.
   */
  keptMb?: number;
  /** Folder for what does not fit in memory. */
  spill?: string;
  /**
   * The folder outside of which nothing can be read or written; its settings are then fixed, too. Left out:
   * as the process may.
   */
  within?: string;
}

/** Where DuckDB spills to of itself. */
const duckDbSpill = '.tmp';

export interface OpenDuckDb {
  connection: DuckDBConnection;
  /** A further connection, for as long as the database is open. */
  connect: () => Promise<DuckDBConnection>;
  /** Hands a connection of its own to `use`. */
  lend: <T>(use: (connection: DuckDBConnection) => Promise<T>) => Promise<T>;
  /** Closes the connections and the database. */
  close: () => void;
}

/** Connections that may be at work. */
const busy = new Set<DuckDBConnection>();

/** A process that exits waits for what its native threads do, and a query may take many minutes. */
process.once('exit', () => {
  for (const connection of busy) connection.interrupt();
});

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
    // The system caches files; a second copy of them would fill the memory that is set.
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

/** Databases that nobody uses at the moment, by their limits but for the folder to spill into. */
const idle = new Map<string, OpenDuckDb>();

/**
 * Hands a connection to an empty in-memory database to `use`, which has it alone. To open and close one costs
 * more than most queries do, so that one of the same limits that has served before is used again.
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
    // Settings that are fixed cannot be set again.
    if (limits.within !== undefined) return await use(database.connection);
    const { result, clean } = await database.lend((connection) => useAlone(connection, spill, use));
    if (clean && !idle.has(key)) idle.set(key, database);
    return result;
  } finally {
    if (idle.get(key) !== database) database.close();
  }
}

/**
 * Whatever `use` makes is in a catalogue of its own, and gone with it. What was spilled to is not: a database
 * that did so is not clean.
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

/**
 * The chunks of a query's result, as they are made; an abort of the signal ends the query at once, whatever
 * it is doing. Errors: the query's, also in the middle of it.
 */
export async function* streamChunks(
  connection: DuckDBConnection,
  sql: string,
  signal?: AbortSignal,
): AsyncGenerator<DuckDBDataChunk, void> {
  signal?.throwIfAborted();
  const interrupt = (): void => connection.interrupt();
  signal?.addEventListener('abort', interrupt);
  try {
    const result = await connection.stream(sql);
    for (
      let chunk = await result.fetchChunk();
      chunk !== null && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    )
      yield chunk;
    signal?.throwIfAborted();
    await checkEnd(connection, result, sql);
  } finally {
    signal?.removeEventListener('abort', interrupt);
  }
}

/**
 * Where a query fails after its first rows, the library ends its result as if that were all, and only the
 * type that it has from then on tells. Throws what the query fails of.
 */
async function checkEnd(connection: DuckDBConnection, result: DuckDBResult, sql: string): Promise<void> {
  if (result.returnType !== ResultReturnType.INVALID) return;
  // Whole results are not handed out before they are whole; of this one nothing is kept.
  await connection.run(`SELECT bit_xor(hash(result)) FROM (${sql}) AS result`);
  throw new Error('a query failed in the middle of its result');
}

/**
 * The chunks of a query's result, each asked for while the one before is worked on. Errors: the query's, also
 * in the middle of it.
 */
export async function* streamAhead(
  connection: DuckDBConnection,
  sql: string,
): AsyncGenerator<DuckDBDataChunk> {
  const result = await connection.stream(sql);
  let next = result.fetchChunk();
  try {
    for (;;) {
      const chunk = await next;
      if (chunk === null || chunk.rowCount === 0) {
        await checkEnd(connection, result, sql);
        return;
      }
      next = result.fetchChunk();
      // Whoever waits for it hears of its failure.
      next.catch(() => undefined);
      yield chunk;
    }
  } finally {
    // The connection may be closed now, which must not be amid a fetch.
    await next.catch(() => undefined);
  }
}

/**
 * A value as an SQL string literal, for the places that take no parameter (COPY … TO, read_parquet lists).
 */
export function sqlString(value: string): string {
  const literals = value.split('\0').map((part) => `'${part.replaceAll("'", "''")}'`);
  // The text of a query ends at its first NUL.
  return literals.length === 1 ? literals.join('') : `(${literals.join(' || chr(0) || ')})`;
}

/** A name as a quoted SQL identifier. */
export function sqlName(value: string): string {
  return `"${value.replaceAll('"', '""')}"`;
}

/**
 * The table of Parquet files in SQL: their paths taken literally, whatever characters they have, and their
 * own columns only. `options` as read_parquet knows them.
 */
export function parquetSource(paths: string | readonly string[], options?: string): string {
  const files = typeof paths === 'string' ? sqlPath(paths) : `[${paths.map(sqlPath).join(', ')}]`;
  return `read_parquet(${[
    files,
    'hive_partitioning = ' + 'false',
    ...(options === undefined ? [] : [options]),
  ].join(', ')})`;
}

/** A path as an SQL string for what reads files: nothing in it is a pattern. */
export function sqlPath(path: string): string {
  return sqlString(path.replace(/[[*?]/g, '[$&]'));
}
