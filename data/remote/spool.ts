// A remote Parquet file on this machine, as far as it is needed: a file with holes, of the same length, into which the footer and the columns that are read are
// fetched by ranges. DuckDB reads it like any other; a text column alone is often a tenth of a file.

import type { DuckDBConnection } from '@duckdb/node-api';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeTemporaryFolder, writeError } from '../commit.ts';
import { sqlPath } from '../duckdb.ts';
import { fail } from '../errors.ts';
import { statFile } from '../files.ts';
import { readRange } from './read.ts';
import { type FileRange, isRemote, showPath } from './store.ts';

/** Most footers are in the first look; of a longer one the rest is fetched. */
const firstLookBytes = 1 << 18;
/** Ranges that are closer than this are fetched as one: a request costs about as much. */
const gapBytes = 1 << 18;

export interface RowRange {
  from: number;
  to: number;
}

export interface LocalParquet {
  /** Where to read it: at first the schema and the statistics alone. */
  path: string;
  /** Makes columns readable (all where none are named; a struct brings its fields), in all rows or in those from `from` up to, not with, `to`. */
  fetch(connection: DuckDBConnection, columns?: readonly string[], rows?: RowRange): Promise<void>;
  close(): Promise<void>;
}

/** Opens a Parquet file wherever it is; a local one is taken as it is. Errors: those of `statFile` and `readRange`, FILE_UNREADABLE, DISK_FULL. */
export async function openLocalParquet(path: string): Promise<LocalParquet> {
  const { bytes } = await statFile(path);
  if (!isRemote(path)) return { path, fetch: () => Promise.resolve(), close: () => Promise.resolve() };
  const folder = await makeTemporaryFolder('spool');
  const spool = join(folder, 'shard.parquet');
  const close = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await writeInto(spool, async (file) => {
      await file.truncate(bytes);
      await fetchFooter(path, bytes, file);
    });
  } catch (error) {
    await close();
    throw error;
  }
  const fetch: LocalParquet['fetch'] = async (connection, columns, rows = { from: 0, to: Infinity }) => {
    const ranges = await findRanges(connection, spool, columns, rows);
    await writeInto(spool, async (file) => {
      for (const { start, end } of ranges) await copyRange(path, { start, end, fileBytes: bytes }, file);
    });
  };
  return { path: spool, fetch, close };
}

async function writeInto(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    const file = await open(path, 'a').then(async (made) => {
      await made.close();
      return open(path, 'r+');
    });
    try {
      await write(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw writeError(error, path);
  }
}

async function copyRange(url: string, range: FileRange, file: FileHandle): Promise<void> {
  let at = range.start;
  for await (const piece of readRange(url, range)) {
    await file.write(piece, 0, piece.length, at);
    at += piece.length;
  }
}

/** The end of the file: the metadata, their length in four bytes, and the magic bytes. */
async function fetchFooter(url: string, bytes: number, file: FileHandle): Promise<void> {
  const look = Math.min(bytes, firstLookBytes);
  await copyRange(url, { start: bytes - look, end: bytes, fileBytes: bytes }, file);
  const tail = Buffer.alloc(8);
  await file.read(tail, 0, 8, Math.max(0, bytes - 8));
  const footer = tail.readUInt32LE(0) + 8;
  if (tail.toString('latin1', 4) !== 'PAR1' || footer > bytes) throw fail('FILE_UNREADABLE', { path: showPath(url), reason: 'it is no Parquet file' });
  if (footer > look) await copyRange(url, { start: bytes - footer, end: bytes - look, fileBytes: bytes }, file);
  // Readers look for the magic bytes at both ends.
  await file.write(Buffer.from('PAR1'), 0, 4, 0);
}

const columnChunk = z.object({ column: z.string(), start: z.number(), bytes: z.number(), firstRow: z.number(), rows: z.number() });

/** The places of the columns' chunks in the row groups that have some of the rows. */
async function findRanges(connection: DuckDBConnection, path: string, columns: readonly string[] | undefined, { from, to }: RowRange): Promise<{ start: number; end: number }[]> {
  const reader = await connection.runAndReadAll(
    `SELECT path_in_schema AS "column", least(data_page_offset, coalesce(nullif(dictionary_page_offset, 0), data_page_offset))::DOUBLE AS start, total_compressed_size::DOUBLE AS bytes,
       row_group_num_rows::DOUBLE AS rows, (sum(row_group_num_rows) OVER (PARTITION BY column_id ORDER BY row_group_id) - row_group_num_rows)::DOUBLE AS "firstRow"
     FROM parquet_metadata(${sqlPath(path)}) ORDER BY start`,
  );
  const merged: { start: number; end: number }[] = [];
  for (const { column, start, bytes, firstRow, rows } of columnChunk.array().parse(reader.getRowObjects())) {
    if (firstRow >= to || firstRow + rows <= from) continue;
    if (columns !== undefined && !columns.some((name) => column === name || column.startsWith(`${name}, `) || column.startsWith(`${name}.`))) continue;
    const last = merged.at(-1);
    if (last !== undefined && start - last.end <= gapBytes) last.end = Math.max(last.end, start + bytes);
    else merged.push({ start, end: start + bytes });
  }
  return merged;
}
