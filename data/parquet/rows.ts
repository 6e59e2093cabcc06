// Reads the rows of a small Parquet file with all columns, with values as in JSON: lists as arrays, structs
// as objects, whole numbers as numbers.

import { z } from 'zod';
import { openDuckDb, parquetSource } from '../duckdb/duckdb.ts';
import { streamChunks } from '../duckdb/stream.ts';
import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import { statFile } from '../files/files.ts';
import { toJs } from '../duckdb/library.ts';
import type { Row } from '../../run/fields/field-path.ts';
import { openCopy } from './copy.ts';
import { isRemote, showPath } from '../../run/address.ts';

const described = z.array(z.tuple([z.string()]));

/** Yields the rows, in order. Errors: FILE_NOT_FOUND, FILE_UNREADABLE; those of remote files. */
export async function* readParquetRows(path: string): AsyncGenerator<{ position: number; row: Row }> {
  const { bytes } = await statFile(path);
  const copy = isRemote(path) ? await openCopy(path, bytes) : undefined;
  const { connection, close } = await openDuckDb({ threads: 1, memoryMb: 1024 });
  try {
    await copy?.fetch([{ start: 0, end: bytes }]);
    const query = `SELECT * FROM ${parquetSource(copy?.path ?? path)}`;
    const names = described
      .parse((await connection.runAndReadAll(`SELECT column_name FROM (DESCRIBE ${query})`)).getRows())
      .map(([name]) => name);
    let position = 0;
    for await (const chunk of streamChunks(connection, query)) {
      for (const values of chunk.convertRows(toJs))
        yield {
          position: position++,
          row: Object.fromEntries(names.map((name, at) => [name, plain(values[at])])),
        };
    }
  } catch (error) {
    if (error instanceof BetrError) throw error;
    throw fail(
      'FILE_UNREADABLE',
      { path: showPath(path), reason: reasonOf(error).split('\n')[0] ?? '' },
      error,
    );
  } finally {
    close();
    await copy?.close();
  }
}

/** Converts a value to JSON; bytes, such as images, become null. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Uint8Array) return null;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
  return value;
}
