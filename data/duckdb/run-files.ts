// Parquet files in the run folder, written atomically from a DuckDB query. A note inside records what they
// were made from, so that a step whose note still matches has nothing to do.

import type { DuckDBAppender, DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { DuckDBDataChunk } from './library.ts';
import { rm, stat } from 'node:fs/promises';
import { z } from 'zod';
import { commitFile } from '../files/commit.ts';
import { type DuckDbLimits, sqlPath, sqlString, withDuckDb } from './duckdb.ts';
import { ifThere, reasonOf, writeError } from '../../run/errors/errors.ts';

/** Rows per group: with texts, larger groups do not fit in a limited DuckDB (122,880 rows fail at 1 GB). */
const groupRows = 8192;
const chunkRows = 2048;
const memoryMb = 2048;

/**
 * Calls `use` with an empty in-memory DuckDB of bounded size that spills into a folder. The folder is cleared
 * before and removed afterwards, so only one database at a time may use it. Steps use the run's
 * `files.spill`, which the run's lock protects. Errors: DISK_FULL, WRITE_FAILED, and those of `use`.
 */
export async function withSpillingDuckDb<T>(
  spill: string,
  use: (connection: DuckDBConnection) => Promise<T>,
  limits: Omit<DuckDbLimits, 'spill'> = { memoryMb },
): Promise<T> {
  await rm(spill, { recursive: true, force: true });
  try {
    return await withDuckDb({ ...limits, spill }, use);
  } catch (error) {
    throw spillError(error, spill);
  } finally {
    await rm(spill, { recursive: true, force: true });
  }
}

/** DISK_FULL if a query failed because there was no space to spill to, otherwise the error itself. */
export function spillError(error: unknown, spill: string): unknown {
  return /no space left/i.test(reasonOf(error)) ? writeError(error, spill) : error;
}

/**
 * Writes the rows of `query`, in order, to `path`, with `note` in the file's metadata. Errors: DISK_FULL,
 * WRITE_FAILED.
 */
export async function writeParquet(
  connection: DuckDBConnection,
  query: string,
  path: string,
  note: unknown,
): Promise<void> {
  await commitFile(path, async (temporary) => {
    const options =
      `FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${groupRows}, USE_TMP_FILE false, ` +
      `KV_METADATA {betr: ${sqlString(JSON.stringify(note))}}`;
    await connection.run(`COPY (${query}) TO ${sqlString(temporary)} (${options})`);
  });
}

/**
 * The note in a Parquet file of the run; undefined if the file or a valid note is missing, so that the file
 * is written again.
 */
export async function readNote<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  if ((await ifThere(stat(path))) === undefined) return undefined;
  return withDuckDb({ threads: 1 }, async (connection) => {
    try {
      const reader = await connection.runAndReadAll(
        `SELECT decode(value) FROM parquet_kv_metadata(${sqlPath(path)}) WHERE decode(key) = 'betr'`,
      );
      return schema.parse(JSON.parse(z.string().parse(reader.getRows()[0]?.[0])));
    } catch {
      return undefined;
    }
  });
}

/**
 * Appends `count` rows by column; `valuesAt(column, from, to)` returns the column's values for rows [from,
 * to).
 */
export function appendColumns(
  appender: DuckDBAppender,
  types: readonly DuckDBType[],
  count: number,
  valuesAt: (column: number, from: number, to: number) => readonly DuckDBValue[],
): void {
  for (let from = 0; from < count; from += chunkRows) {
    const to = Math.min(count, from + chunkRows);
    const chunk = DuckDBDataChunk.create(types, to - from);
    for (const column of types.keys()) chunk.setColumnValues(column, valuesAt(column, from, to));
    appender.appendDataChunk(chunk);
  }
}
