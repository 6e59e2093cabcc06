// Parquet in, batches of documents out, through DuckDB: text as bytes, a few row groups at a time whatever the file's size.

import { isUtf8 } from 'node:buffer';
import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { type BatchBuilder, openBatch } from '../batch.ts';
import { openBoundedCache } from '../bounded-cache.ts';
import type { DocumentBatch, Shard } from '../documents.ts';
import { openDuckDb, sqlPath, sqlString } from '../duckdb.ts';
import { BetrError, fail, reasonOf } from '../errors.ts';
import { statFile } from '../files.ts';
import { isCount } from '../json-line.ts';
import { defaultMaxLineBytes, type ReadOptions } from '../jsonl.ts';
import { buildQuery, type Query } from './columns.ts';
import { findTextPages, largePageBytes } from './pages.ts';
import { cutSections, type LargeGroup, readSection, type RowFields } from './sections.ts';
import type { Quarantine } from '../quarantine.ts';
import { type LocalParquet, openLocalParquet } from '../remote/spool.ts';
import { showPath } from '../remote/store.ts';
import type { FieldNames } from '../settings.ts';
import type { Text } from './values.ts';

/** Reads a Parquet shard. Bad rows go to the quarantine. Returns the row after the last (of a whole file: the last that has a document or is bad). Errors: FILE_NOT_FOUND, FILE_UNREADABLE, COLUMN_MISSING, COLUMN_TYPE. */
export async function* readParquet(shard: Shard, fields: FieldNames, { quarantine, chunk = { firstRow: 0 }, fromRow = chunk.firstRow, onlyRows, batchBytes, connection: opened }: ReadOptions): AsyncGenerator<DocumentBatch, number> {
  const { connection, close } = opened === undefined ? await openDuckDb({ threads: 1, memoryMb: 1024 }) : { connection: opened, close: () => undefined };
  const batch = openBatch(shard.name, batchBytes);
  let file: LocalParquet | undefined;
  let endRow = fromRow;
  try {
    file = await openLocalParquet(shard.path);
    const known = await prepare(connection, file.path, fields, showPath(shard.path));
    await makeRoom(connection, known.neededMb);
    const wanted = onlyRows === undefined ? { from: fromRow, to: chunk.endRow ?? known.rows } : { from: Math.min(...onlyRows), to: Math.max(...onlyRows) + 1 };
    await file.fetch(connection, known.columns, wanted);
    const sections = onlyRows === undefined ? await cutSections(file.path, known.largeGroups, wanted) : [{ ...wanted, onlyRows }];
    for (const section of sections) {
      for await (const { fields: others, start, texts } of readSection(connection, file.path, known, section)) {
        yield* takeRows(others, start, texts, batch, shard, fields, quarantine);
        endRow = (others.rows.getItem(start + texts.length - 1) ?? 0) + 1;
      }
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
interface Prepared extends Query {
  /** Memory that it takes to hold the texts of so many rows: little for most files, much where each is a book. */
  neededMb: number;
  rows: number;
  largeGroups: LargeGroup[];
}

/** A file is read chunk by chunk, and to ask for this takes as long as a hundredth of a chunk. */
const prepared = openBoundedCache<string, Prepared>(1000);

async function prepare(connection: DuckDBConnection, path: string, fields: FieldNames, shown: string): Promise<Prepared> {
  const { bytes, modifiedMs } = await statFile(path);
  const key = JSON.stringify([path, bytes, modifiedMs, fields]);
  const known = prepared.get(key);
  if (known !== undefined) return known;
  const query = await buildQuery(connection, path, fields, shown);
  const firstRows: number[] = [];
  let [neededBytes, rows, mostTextBytes] = [0, 0, 0];
  for (const { rows: own, textBytes } of await queryRowGroups(connection, path, fields.text)) {
    neededBytes = Math.max(neededBytes, textBytes * Math.min(1, rowsAtOnce / Math.max(1, own)), Math.min(textBytes, largestPageBytes));
    mostTextBytes = Math.max(mostTextBytes, textBytes);
    firstRows.push(rows);
    rows += own;
  }
  const found = query.textColumn === undefined || mostTextBytes < largePageBytes ? [] : await findTextPages(connection, path, query.textColumn);
  const largeGroups = found.map((pages) => ({ from: firstRows[pages.group] ?? 0, to: (firstRows[pages.group] ?? 0) + pages.rows, pages }));
  const now = { ...query, neededMb: Math.ceil((copies * neededBytes) / 1e6), rows, largeGroups };
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

function* takeRows(others: RowFields, start: number, texts: readonly Text[], batch: BatchBuilder, shard: Shard, fields: FieldNames, quarantine: Quarantine): Generator<DocumentBatch> {
  for (const [i, text] of texts.entries()) {
    const row = others.rows.getItem(start + i) ?? 0;
    const tokens = others.tokens.getItem(start + i) ?? Number.NaN;
    const problem = problemOf(text, tokens, fields);
    if (problem !== undefined || !(text instanceof Uint8Array)) {
      quarantine.add(shard.name, row, problem ?? '');
      continue;
    }
    const id = others.ids[start + i] ?? '';
    batch.addDocument(row, id === '' ? undefined : id, others.sources[start + i] ?? '', tokens, text.length);
    batch.addTexts(text);
    if (!batch.isFull()) continue;
    const full = batch.take();
    if (full !== undefined) yield full;
  }
}

function problemOf(text: Text, tokens: number, fields: FieldNames): string | undefined {
  if (text === undefined) return `field "${fields.text}" is missing`;
  if (text === 'too long' || text.length > defaultMaxLineBytes) return `field "${fields.text}" has more than ${defaultMaxLineBytes} bytes`;
  if (!hasVisible(text)) return `field "${fields.text}" is empty`;
  if (!isUtf8(text)) return 'not valid UTF-8';
  return isCount(tokens) ? undefined : `field "${fields.tokens}" is not a whole number of tokens`;
}

function hasVisible(text: Uint8Array): boolean {
  for (const byte of text) if (byte > 0x20) return true;
  return false;
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
  const reader = await connection.runAndReadAll(
    `SELECT any_value(row_group_num_rows)::DOUBLE AS rows, coalesce(sum(total_uncompressed_size) FILTER (replace(path_in_schema, ', ', '.') = ${sqlString(textField)}), 0)::DOUBLE AS "textBytes"
     FROM parquet_metadata(${sqlPath(path)}) GROUP BY row_group_id ORDER BY row_group_id`,
  );
  return rowGroup.array().parse(reader.getRowObjects());
}

function readError(error: unknown, path: string): BetrError {
  if (error instanceof BetrError) return error;
  return fail('FILE_UNREADABLE', { path: showPath(path), reason: reasonOf(error).split('\n')[0] ?? '' }, error);
}
