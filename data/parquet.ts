// Parquet in, batches of documents out, through DuckDB: text as bytes, a few row groups at a time whatever the file's size.

import { isUtf8 } from 'node:buffer';
import { DuckDBBlobVector, type DuckDBConnection, type DuckDBDataChunk } from '@duckdb/node-api';
import { z } from 'zod';
import { type BatchBuilder, openBatch } from './batch.ts';
import type { DocumentBatch, Shard } from './documents.ts';
import { openDuckDb, sqlName, sqlString } from './duckdb.ts';
import { BetrError, fail, reasonOf, systemCode } from './errors.ts';
import { isCount, splitName } from './json-line.ts';
import type { Quarantine } from './quarantine.ts';
import type { FieldNames } from './settings.ts';
import { stat } from 'node:fs/promises';

/** Reads a Parquet shard. Bad rows go to the quarantine. Errors: FILE_NOT_FOUND, FILE_UNREADABLE, COLUMN_MISSING, COLUMN_TYPE. */
export async function* readParquet(shard: Shard, fields: FieldNames, quarantine: Quarantine): AsyncGenerator<DocumentBatch> {
  const { connection, close } = await openDuckDb({ threads: 1, memoryMb: 1024 });
  try {
    const query = await buildQuery(connection, shard.path, fields);
    const batch = openBatch(shard.name);
    const result = await connection.stream(query);
    for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
      yield* takeChunk(chunk, batch, shard, fields, quarantine);
    }
    const last = batch.take();
    if (last !== undefined) yield last;
  } catch (error) {
    if (error instanceof BetrError) throw error;
    throw fail('FILE_UNREADABLE', { path: shard.path, reason: reasonOf(error).split('\n')[0] ?? '' }, error);
  } finally {
    close();
  }
}

const rowValues = z.tuple([z.number(), z.string().nullable(), z.string().nullable(), z.number().nullable()]);

function* takeChunk(chunk: DuckDBDataChunk, batch: BatchBuilder, shard: Shard, fields: FieldNames, quarantine: Quarantine): Generator<DocumentBatch> {
  const texts = chunk.getColumnVector(4);
  if (!(texts instanceof DuckDBBlobVector)) throw fail('INTERNAL', { reason: 'the text column is not a blob' });
  const columns = [0, 1, 2, 3].map((column) => chunk.getColumnValues(column));
  for (let i = 0; i < chunk.rowCount; i++) {
    const [row, id, source, tokens] = rowValues.parse(columns.map((values) => values[i]));
    const text = texts.getItemBytes(i);
    const problem = text === null ? `field "${fields.text}" is missing` : problemOf(text, tokens, fields);
    if (problem !== undefined || text === null) {
      quarantine.add(shard.name, row, problem ?? '');
      continue;
    }
    batch.add(row, id === null || id === '' ? undefined : id, source ?? '', tokens ?? Number.NaN, text);
    if (!batch.isFull()) continue;
    const full = batch.take();
    if (full !== undefined) yield full;
  }
}

function problemOf(text: Uint8Array, tokens: number | null, fields: FieldNames): string | undefined {
  if (!text.some((byte) => byte > 0x20)) return `field "${fields.text}" is empty`;
  if (!isUtf8(text)) return 'not valid UTF-8';
  return isCount(tokens ?? Number.NaN) ? undefined : `field "${fields.tokens}" is not a whole number of tokens`;
}

interface Column {
  name: string;
  type: string;
}

/** The query whose columns are row, id, source, tokens, text. Optional fields that the file lacks are null, where their names are the default ones. */
async function buildQuery(connection: DuckDBConnection, path: string, fields: FieldNames): Promise<string> {
  const columns = await describeColumns(connection, path);
  const numeric = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL.*)$/;
  const optional = (field: 'id' | 'source' | 'tokens', type: string, allowed?: RegExp): string => {
    const name = fields[field];
    if (name === field && !columns.some((column) => column.name === name)) return `NULL::${type}`;
    return `${findColumn(columns, path, name, allowed)}::${type}`;
  };
  const text = findColumn(columns, path, fields.text, /^(VARCHAR|BLOB)$/);
  const isText = columns.find((column) => column.name === fields.text)?.type !== 'BLOB';
  return `SELECT file_row_number::DOUBLE, ${optional('id', 'VARCHAR')}, ${optional('source', 'VARCHAR')}, ${optional('tokens', 'DOUBLE', numeric)}, ${isText ? `encode(${text})` : text}
    FROM read_parquet(${sqlString(path)}, file_row_number = true)`;
}

/** The SQL of a column, or of a field inside a struct ("a.b"). Errors: COLUMN_MISSING, COLUMN_TYPE. */
function findColumn(columns: readonly Column[], path: string, name: string, allowed?: RegExp): string {
  const whole = columns.find((column) => column.name === name);
  if (whole !== undefined) {
    if (allowed !== undefined && !allowed.test(whole.type)) throw fail('COLUMN_TYPE', { path, column: name, type: whole.type });
    return sqlName(name);
  }
  const [parent, inner] = splitName(name);
  const struct = columns.find((column) => column.name === parent && column.type.startsWith('STRUCT('));
  if (struct === undefined) throw fail('COLUMN_MISSING', { path, column: name, columns: columns.map((column) => column.name).join(', ') });
  return `${sqlName(parent)}.${sqlName(inner)}`;
}

const describedColumn = z.object({ column_name: z.string(), column_type: z.string() });

async function describeColumns(connection: DuckDBConnection, path: string): Promise<Column[]> {
  await stat(path).catch((error: unknown) => {
    throw systemCode(error) === 'ENOENT' ? fail('FILE_NOT_FOUND', { path, what: 'The file' }, error) : error;
  });
  const reader = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet(${sqlString(path)})`);
  return describedColumn.array().parse(reader.getRowObjects()).map(({ column_name, column_type }) => ({ name: column_name, type: column_type }));
}
