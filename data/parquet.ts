// Parquet in, batches of documents out, through DuckDB: text as bytes, a few row groups at a time whatever the file's size.

import { isUtf8 } from 'node:buffer';
import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { readBytes, readStrings } from './duckdb-columns.ts';
import { DuckDBDoubleVector } from './duckdb-library.ts';
import { z } from 'zod';
import { type BatchBuilder, openBatch } from './batch.ts';
import { openBoundedCache } from './bounded-cache.ts';
import type { DocumentBatch, Shard } from './documents.ts';
import { openDuckDb, parquetSource, sqlName, sqlPath, sqlString, streamChunks } from './duckdb.ts';
import { BetrError, fail, reasonOf } from './errors.ts';
import { statFile } from './files.ts';
import { isCount, splitName } from './json-line.ts';
import { defaultMaxLineBytes, type ReadOptions } from './jsonl.ts';
import type { Quarantine } from './quarantine.ts';
import { type LocalParquet, openLocalParquet } from './remote/spool.ts';
import { showPath } from './remote/store.ts';
import type { FieldNames } from './settings.ts';

/** Reads a Parquet shard. Bad rows go to the quarantine. Returns the row after the last (of a whole file: the last that has a document or is bad). Errors: FILE_NOT_FOUND, FILE_UNREADABLE, COLUMN_MISSING, COLUMN_TYPE. */
export async function* readParquet(shard: Shard, fields: FieldNames, { quarantine, chunk = { firstRow: 0 }, fromRow = chunk.firstRow, onlyRows, batchBytes, connection: opened }: ReadOptions): AsyncGenerator<DocumentBatch, number> {
  const { connection, close } = opened === undefined ? await openDuckDb({ threads: 1, memoryMb: 1024 }) : { connection: opened, close: () => undefined };
  const batch = openBatch(shard.name, batchBytes);
  let file: LocalParquet | undefined;
  let endRow = fromRow;
  try {
    file = await openLocalParquet(shard.path);
    const { neededMb, sql, columns } = await prepare(connection, file.path, fields, showPath(shard.path));
    await makeRoom(connection, neededMb);
    await file.fetch(connection, columns, onlyRows === undefined ? { from: fromRow, to: chunk.endRow ?? Infinity } : { from: Math.min(...onlyRows), to: Math.max(...onlyRows) + 1 });
    const query = `${sql}${onlyRows === undefined ? rowCondition(fromRow, chunk.endRow) : ` WHERE file_row_number IN (${onlyRows.join(', ')})`}`;
    for await (const rows of streamChunks(connection, query)) {
      yield* takeRows(rows, batch, shard, fields, quarantine);
      endRow = lastRow(rows) + 1;
    }
    const last = batch.take();
    if (last !== undefined) yield last;
    if (onlyRows === undefined && chunk.endRow !== undefined && endRow < chunk.endRow) throw new Error(`it ends before row ${endRow} where it should have ${chunk.endRow}`);
    return endRow;
  } catch (error) {
    throw readError(error, shard.path);
  } finally {
    batch.close();
    close();
    await file?.close();
  }
}

/** Rows that DuckDB has in memory at once, of one row group. */
const rowsAtOnce = 2048;
/** It holds a page as it is in the file, decompressed, and its rows as they are handed on. */
const copies = 3;
const largestPageBytes = 128e6;
const leastMemoryMb = 128;
/** A file that needs more is refused, before it takes the machine's memory: what it has may be a few bytes that decompress to gigabytes. */
const mostMemoryMb = 1024;
/** Files that are much alike need the same. */
const stepMb = 64;

/** What has to be known of a file to read it. */
interface Prepared {
  /** Memory that it takes to hold the texts of so many rows: little for most files, much where each is a book. */
  neededMb: number;
  sql: string;
  /** The columns that the query reads. */
  columns: string[];
}

/** A file is read chunk by chunk, and to ask for this takes as long as a hundredth of a chunk. */
const prepared = openBoundedCache<string, Prepared>(1000);

async function prepare(connection: DuckDBConnection, path: string, fields: FieldNames, shown: string): Promise<Prepared> {
  const { bytes, modifiedMs } = await statFile(path);
  const key = JSON.stringify([path, bytes, modifiedMs, fields]);
  const known = prepared.get(key);
  if (known !== undefined) return known;
  const bytesAtOnce = (await queryRowGroups(connection, path, fields.text)).map(({ rows, textBytes }) => Math.max(textBytes * Math.min(1, rowsAtOnce / Math.max(1, rows)), Math.min(textBytes, largestPageBytes)));
  const neededMb = Math.ceil((copies * bytesAtOnce.reduce((most, bytes) => Math.max(most, bytes), 0)) / 1e6);
  const now = { neededMb, ...(await buildQuery(connection, path, fields, shown)) };
  prepared.set(key, now);
  return now;
}

async function makeRoom(connection: DuckDBConnection, neededMb: number): Promise<void> {
  const limitMb = Math.min(mostMemoryMb, stepMb * Math.ceil((leastMemoryMb + neededMb) / stepMb));
  // To set it, even to what it is, makes DuckDB give back all memory that is free, and ask for it page by page again.
  if (limits.get(connection) === limitMb) return;
  await connection.run(`SET memory_limit = '${limitMb}MB'`);
  limits.set(connection, limitMb);
}

/** What was set last, by the connection that set it: a database is read through one. */
const limits = new WeakMap<DuckDBConnection, number>();

/** Lets DuckDB pass over the row groups that are not wanted. */
function rowCondition(from: number, end: number | undefined): string {
  const conditions = [...(from > 0 ? [`file_row_number >= ${from}`] : []), ...(end === undefined ? [] : [`file_row_number < ${end}`])];
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
}

function lastRow(rows: DuckDBDataChunk): number {
  const column = rows.getColumnVector(0);
  return column instanceof DuckDBDoubleVector ? (column.getItem(rows.rowCount - 1) ?? 0) : 0;
}

function* takeRows(data: DuckDBDataChunk, batch: BatchBuilder, shard: Shard, fields: FieldNames, quarantine: Quarantine): Generator<DocumentBatch> {
  const [rows, tokenCounts] = [data.getColumnVector(0), data.getColumnVector(3)];
  if (!(rows instanceof DuckDBDoubleVector && tokenCounts instanceof DuckDBDoubleVector)) throw fail('INTERNAL', { reason: 'columns of a Parquet file are not of the types that were asked for' });
  const [ids, sources] = [readStrings(data, 1), readStrings(data, 2)];
  for (const [i, text] of readBytes(data, 4).entries()) {
    const row = rows.getItem(i) ?? 0;
    const tokens = tokenCounts.getItem(i) ?? Number.NaN;
    const problem = problemOf(text, tokens, fields);
    if (problem !== undefined || text === undefined) {
      quarantine.add(shard.name, row, problem ?? '');
      continue;
    }
    const id = ids[i] ?? '';
    batch.addDocument(row, id === '' ? undefined : id, sources[i] ?? '', tokens, text.length);
    batch.addTexts(text);
    if (!batch.isFull()) continue;
    const full = batch.take();
    if (full !== undefined) yield full;
  }
}

function problemOf(text: Uint8Array | undefined, tokens: number, fields: FieldNames): string | undefined {
  if (text === undefined) return `field "${fields.text}" is missing`;
  if (text.length > defaultMaxLineBytes) return `field "${fields.text}" has more than ${defaultMaxLineBytes} bytes`;
  if (!hasVisible(text)) return `field "${fields.text}" is empty`;
  if (!isUtf8(text)) return 'not valid UTF-8';
  return isCount(tokens) ? undefined : `field "${fields.tokens}" is not a whole number of tokens`;
}

function hasVisible(text: Uint8Array): boolean {
  for (const byte of text) if (byte > 0x20) return true;
  return false;
}

interface Column {
  /** Of the file's top level; undefined where the file has none. */
  name?: string;
  sql: string;
  type: string;
}

/** The query whose columns are row, id, source, tokens, text, and the file's columns that it reads. Errors name the file as `shown`. Optional fields that the file lacks are null, where their names are the default ones. */
async function buildQuery(connection: DuckDBConnection, path: string, fields: FieldNames, shown: string): Promise<{ sql: string; columns: string[] }> {
  const find = await openColumns(connection, path);
  const column = async (field: keyof FieldNames, allowed: RegExp): Promise<Column> => {
    const name = fields[field];
    const found = await find(name);
    if (found === undefined && field !== 'text' && name === field) return { sql: 'NULL', type: '' };
    if (found === undefined) throw fail('COLUMN_MISSING', { path: shown, column: name, columns: (await listColumns(connection, path)).map((known) => known.name).join(', ') });
    if (!allowed.test(found.type)) throw fail('COLUMN_TYPE', { path: shown, column: name, type: found.type });
    return found;
  };
  const text = await column('text', /^(VARCHAR|BLOB)$/);
  const id = await column('id', simpleType);
  const source = await column('source', simpleType);
  const tokens = await column('tokens', /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*)$/);
  const sql = `SELECT file_row_number::DOUBLE, ${id.sql}::VARCHAR, ${source.sql}::VARCHAR, ${tokens.sql}::DOUBLE, ${text.type === 'BLOB' ? text.sql : `encode(${text.sql})`}
    FROM ${parquetSource(path, 'file_row_number = true')}`;
  return { sql, columns: [text, id, source, tokens].flatMap(({ name }) => name ?? []) };
}

const simpleType = /^(?!STRUCT|MAP|UNION|VARIANT)[^[]*$/;

/** Finds columns by name; "a.b" is the field b of the struct a where no column has that very name. */
async function openColumns(connection: DuckDBConnection, path: string): Promise<(name: string) => Promise<Column | undefined>> {
  const columns = await listColumns(connection, path);
  return async (name) => {
    const whole = columns.find((column) => column.name === name);
    if (whole !== undefined) return { name, sql: sqlName(name), type: whole.type };
    const [parent, inner] = splitName(name);
    if (!columns.some((column) => column.name === parent && column.type.startsWith('STRUCT('))) return undefined;
    const field = (await listColumns(connection, path, `${sqlName(parent)}.*`)).find((column) => column.name === inner);
    return field && { name: parent, sql: `${sqlName(parent)}.${sqlName(inner)}`, type: field.type };
  };
}

const describedColumns = z.array(z.object({ column_name: z.string(), column_type: z.string() }));

async function listColumns(connection: DuckDBConnection, path: string, which = '*'): Promise<{ name: string; type: string }[]> {
  const reader = await connection.runAndReadAll(`DESCRIBE SELECT ${which} FROM ${parquetSource(path)}`);
  return describedColumns.parse(reader.getRowObjects()).map(({ column_name, column_type }) => ({ name: column_name, type: column_type }));
}

const rowGroup = z.object({ rows: z.number(), textBytes: z.number() });

/** The row groups of a Parquet file, in order: their rows and about how many bytes of text they have. Errors: FILE_NOT_FOUND, FILE_UNREADABLE. */
export async function listRowGroups(connection: DuckDBConnection, path: string, textField: string): Promise<z.output<typeof rowGroup>[]> {
  let file: LocalParquet | undefined;
  try {
    file = await openLocalParquet(path);
    return await queryRowGroups(connection, file.path, textField);
  } catch (error) {
    throw readError(error, path);
  } finally {
    await file?.close();
  }
}

async function queryRowGroups(connection: DuckDBConnection, path: string, textField: string): Promise<z.output<typeof rowGroup>[]> {
  const columnPaths = [textField, splitName(textField).join(', ')].map(sqlString).join(', ');
  const reader = await connection.runAndReadAll(
    `SELECT any_value(row_group_num_rows)::DOUBLE AS rows, coalesce(sum(total_uncompressed_size) FILTER (path_in_schema IN (${columnPaths})), 0)::DOUBLE AS "textBytes"
     FROM parquet_metadata(${sqlPath(path)}) GROUP BY row_group_id ORDER BY row_group_id`,
  );
  return rowGroup.array().parse(reader.getRowObjects());
}

function readError(error: unknown, path: string): BetrError {
  if (error instanceof BetrError) return error;
  return fail('FILE_UNREADABLE', { path: showPath(path), reason: reasonOf(error).split('\n')[0] ?? '' }, error);
}
