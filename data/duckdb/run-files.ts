// Parquet files of the run folder: written whole from a DuckDB query, with a note inside that says what they
// were made from. A step whose note still fits has nothing to do; a half-written file cannot exist.

import type { DuckDBAppender, DuckDBConnection, DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { DuckDBDataChunk } from './library.ts';
import { rm, stat } from 'node:fs/promises';
import { z } from 'zod';
import { commitFile } from '../files/commit.ts';
import { type DuckDbLimits, sqlPath, sqlString, withDuckDb } from './duckdb.ts';
import { ifThere, reasonOf, writeError } from '../../run/errors/errors.ts';

/**
 * Rows of a group: with texts in the row, larger groups do not fit the memory of a bounded DuckDB (measured:
 * 122,880 rows fail at 1 GB).
 */
const groupRows = 8192;
const chunkRows = 2048;
const memoryMb = 2048;

/**
 * Hands `use` an empty in-memory DuckDB of bounded size that spills into a folder, which is cleared before
 * and removed afterwards: only one database at a time may have it. A step of a run uses the run's
 * `files.spill`, which the run's lock guards. Errors: DISK_FULL, WRITE_FAILED, and those of `use`.
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

/**
 * What a query's failure means: DISK_FULL where its spilling failed for lack of space, else the error itself.
 */
export function spillError(error: unknown, spill: string): unknown {
  return /no space left/i.test(reasonOf(error)) ? writeError(error, spill) : error;
}

/**
 * Writes the rows of `query` to `path`, in its order, with `note` kept in the file. Errors: DISK_FULL,
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
 * The note in a Parquet file of the run; undefined where the file or a fitting note is missing, so that the
 * file is made again.
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
 * Appends `count` rows, given column by column; `valuesAt(column, from, to)` are a column's values of rows
 * `from` up to, not with, `to`.
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
