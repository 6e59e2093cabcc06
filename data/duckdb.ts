// DuckDB as the product uses it: in memory, bounded, spilling into a folder of the run, and with no reach beyond local files.

import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

export interface DuckDbLimits {
  threads?: number;
  memoryMb?: number;
  /** Folder for what does not fit in memory. */
  spill?: string;
  /** The folder outside of which nothing can be read or written; its settings are then fixed, too. Left out: as the process may. */
  within?: string;
}

/** Opens an in-memory database with one connection; `close` closes both. */
export async function openDuckDb(limits: DuckDbLimits): Promise<{ connection: DuckDBConnection; close(): void }> {
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    preserve_insertion_order: 'true',
    ...(limits.threads === undefined ? {} : { threads: String(limits.threads) }),
    ...(limits.memoryMb === undefined ? {} : { memory_limit: `${limits.memoryMb}MB` }),
    ...(limits.spill === undefined ? {} : { temp_directory: limits.spill }),
  });
  const connection = await instance.connect();
  if (limits.within !== undefined) {
    await connection.run(`SET allowed_directories = [${sqlString(`${limits.within}/`)}]`);
    await connection.run('SET enable_external_access = false');
    await connection.run('SET lock_configuration = true');
  }
  return {
    connection,
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** Opens an in-memory database, hands its connection to `use`, and closes it whatever happens. */
export async function withDuckDb<T>(limits: DuckDbLimits, use: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const { connection, close } = await openDuckDb(limits);
  try {
    return await use(connection);
  } finally {
    close();
  }
}

/** A value as an SQL string literal, for the places that take no parameter (COPY … TO, read_parquet lists). */
export function sqlString(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** A name as a quoted SQL identifier. */
export function sqlName(value: string): string {
  return `"${value.replaceAll('"', '""')}"`;
}

/** The table of one Parquet file in SQL: its path taken literally, whatever characters it has, and its own columns only. `options` as read_parquet knows them. */
export function parquetSource(path: string, options?: string): string {
  const literal = path.replace(/[[*?]/g, '[$&]');
  return `read_parquet(${[sqlString(literal), 'hive_partitioning = false', ...(options === undefined ? [] : [options])].join(', ')})`;
}
