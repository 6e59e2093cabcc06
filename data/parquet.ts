// Parquet in, batches of documents out, through DuckDB: text as bytes, a few row groups at a time whatever the file's size.

import { isUtf8 } from 'node:buffer';
import { stat } from 'node:fs/promises';
import { DuckDBBlobVector, type DuckDBConnection, type DuckDBDataChunk, DuckDBDoubleVector, DuckDBVarCharVector } from '@duckdb/node-api';
import { z } from 'zod';
import { type BatchBuilder, openBatch } from './batch.ts';
import type { DocumentBatch, Shard } from './documents.ts';
import { openDuckDb, parquetSource, sqlName } from './duckdb.ts';
import { BetrError, fail, reasonOf, systemCode } from './errors.ts';
import { isCount, splitName } from './json-line.ts';
import type { Quarantine } from './quarantine.ts';
import type { FieldNames } from './settings.ts';

/** Reads a Parquet shard, all of it or only some rows. Bad rows go to the quarantine. Errors: FILE_NOT_FOUND, FILE_UNREADABLE, COLUMN_MISSING, COLUMN_TYPE. */
export async function* readParquet(shard: Shard, fields: FieldNames, quarantine: Quarantine, rows?: readonly number[]): AsyncGenerator<DocumentBatch> {
  const { connection, close } = await openDuckDb({ threads: 1, memoryMb: 1024 });
  try {
    const result = await connection.stream(`${await buildQuery(connection, shard.path, fields)}${rows === undefined ? '' : ` WHERE file_row_number IN (${rows.join(', ')})`}`);
    const batch = openBatch(shard.name);
    for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
      yield* takeChunk(chunk, batch, shard, fields, quarantine);
    }
    const last = batch.take();
    if (last !== undefined) yield last;
  } catch (error) {
    if (error instanceof BetrError) throw error;
    if (systemCode(error) === 'ENOENT') throw fail('FILE_NOT_FOUND', { path: shard.path, what: 'The file' }, error);
    throw fail('FILE_UNREADABLE', { path: shard.path, reason: reasonOf(error).split('\n')[0] ?? '' }, error);
  } finally {
    close();
  }
}

function* takeChunk(chunk: DuckDBDataChunk, batch: BatchBuilder, shard: Shard, fields: FieldNames, quarantine: Quarantine): Generator<DocumentBatch> {
  const [rows, ids, sources, tokenCounts, texts] = [0, 1, 2, 3, 4].map((column) => chunk.getColumnVector(column));
  if (!(rows instanceof DuckDBDoubleVector && ids instanceof DuckDBVarCharVector && sources instanceof DuckDBVarCharVector && tokenCounts instanceof DuckDBDoubleVector && texts instanceof DuckDBBlobVector)) {
    throw fail('INTERNAL', { reason: 'columns of a Parquet file are not of the types that were asked for' });
  }
  const { rowCount } = chunk;
  for (let i = 0; i < rowCount; i++) {
    const row = rows.getItem(i) ?? 0;
    const text = texts.getItemBytes(i) ?? undefined;
    const tokens = tokenCounts.getItem(i) ?? Number.NaN;
    const problem = problemOf(text, tokens, fields);
    if (problem !== undefined || text === undefined) {
      quarantine.add(shard.name, row, problem ?? '');
      continue;
    }
    const id = ids.getItem(i) ?? '';
    batch.addDocument(row, id === '' ? undefined : id, sources.getItem(i) ?? '', tokens, text.length);
    batch.addTexts(text);
    if (!batch.isFull()) continue;
    const full = batch.take();
    if (full !== undefined) yield full;
  }
}

function problemOf(text: Uint8Array | undefined, tokens: number, fields: FieldNames): string | undefined {
  if (text === undefined) return `field "${fields.text}" is missing`;
  if (!hasVisible(text)) return `field "${fields.text}" is empty`;
  if (!isUtf8(text)) return 'not valid UTF-8';
  return isCount(tokens) ? undefined : `field "${fields.tokens}" is not a whole number of tokens`;
}

function hasVisible(text: Uint8Array): boolean {
  for (const byte of text) if (byte > 0x20) return true;
  return false;
}

interface Column {
  sql: string;
  type: string;
}

/** The query whose columns are row, id, source, tokens, text. Optional fields that the file lacks are null, where their names are the default ones. */
async function buildQuery(connection: DuckDBConnection, path: string, fields: FieldNames): Promise<string> {
  // Told here, because DuckDB's own words about it vary.
  await stat(path);
  const find = await openColumns(connection, path);
  const column = async (field: keyof FieldNames, allowed: RegExp): Promise<Column> => {
    const name = fields[field];
    const found = await find(name);
    if (found === undefined && field !== 'text' && name === field) return { sql: 'NULL', type: '' };
    if (found === undefined) throw fail('COLUMN_MISSING', { path, column: name, columns: (await listColumns(connection, path)).map((known) => known.name).join(', ') });
    if (!allowed.test(found.type)) throw fail('COLUMN_TYPE', { path, column: name, type: found.type });
    return found;
  };
  const text = await column('text', /^(VARCHAR|BLOB)$/);
  const id = await column('id', simpleType);
  const source = await column('source', simpleType);
  const tokens = await column('tokens', /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*)$/);
  return `SELECT file_row_number::DOUBLE, ${id.sql}::VARCHAR, ${source.sql}::VARCHAR, ${tokens.sql}::DOUBLE, ${text.type === 'BLOB' ? text.sql : `encode(${text.sql})`}
    FROM ${parquetSource(path, 'file_row_number = true')}`;
}

const simpleType = /^(?!STRUCT|MAP|UNION|VARIANT)[^[]*$/;

/** Finds columns by name; "a.b" is the field b of the struct a where no column has that very name. */
async function openColumns(connection: DuckDBConnection, path: string): Promise<(name: string) => Promise<Column | undefined>> {
  const columns = await listColumns(connection, path);
  return async (name) => {
    const whole = columns.find((column) => column.name === name);
    if (whole !== undefined) return { sql: sqlName(name), type: whole.type };
    const [parent, inner] = splitName(name);
    if (!columns.some((column) => column.name === parent && column.type.startsWith('STRUCT('))) return undefined;
    const field = (await listColumns(connection, path, `${sqlName(parent)}.*`)).find((column) => column.name === inner);
    return field && { sql: `${sqlName(parent)}.${sqlName(inner)}`, type: field.type };
  };
}

const describedColumns = z.array(z.object({ column_name: z.string(), column_type: z.string() }));

async function listColumns(connection: DuckDBConnection, path: string, which = '*'): Promise<{ name: string; type: string }[]> {
  const reader = await connection.runAndReadAll(`DESCRIBE SELECT ${which} FROM ${parquetSource(path)}`);
  return describedColumns.parse(reader.getRowObjects()).map(({ column_name, column_type }) => ({ name: column_name, type: column_type }));
}
