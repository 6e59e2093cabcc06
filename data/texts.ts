// Reads the texts of a few documents of a shard by their rows. Earlier rows are skipped as fast as lines can
// be counted, and nothing after the last row is read.

import { readBytesOf } from './files/bytes.ts';
import type { Shard } from './documents.ts';
import { readText } from './jsonl/json-line.ts';
import { defaultMaxLineBytes } from './jsonl/jsonl.ts';
import { readLineBlocks } from './jsonl/lines.ts';
import { readParquet } from './parquet/read.ts';
import { ignoredRows } from './files/quarantine.ts';
import type { FieldNames } from '../run/settings.ts';

export interface RowText {
  row: number;
  /** A copy, in UTF-8. */
  text: Uint8Array;
}

/**
 * Yields the texts of the given rows in the order of the shard; rows without a text are omitted. Throws the
 * signal's reason when it is aborted. Errors: FILE_NOT_FOUND, FILE_UNREADABLE, COLUMN_MISSING, COLUMN_TYPE.
 */
export async function* readTexts(
  shard: Shard,
  fields: FieldNames,
  rows: readonly number[],
  signal?: AbortSignal,
): AsyncGenerator<RowText> {
  const wanted = [...new Set(rows)].sort((a, b) => a - b);
  yield* shard.format === 'parquet'
    ? readParquetTexts(shard, fields, wanted, signal)
    : readLineTexts(shard, fields, wanted, signal);
}

async function* readLineTexts(
  shard: Shard,
  fields: FieldNames,
  wanted: readonly number[],
  signal: AbortSignal | undefined,
): AsyncGenerator<RowText> {
  let next = 0;
  for await (const { bytes, firstLine, lines } of readLineBlocks(
    readBytesOf(shard.path, shard.format),
    defaultMaxLineBytes,
  )) {
    signal?.throwIfAborted();
    let line = firstLine;
    let start = 0;
    for (; next < wanted.length && (wanted[next] ?? 0) < firstLine + lines; next++) {
      const row = wanted[next] ?? 0;
      for (; line < row; line++) start = bytes.indexOf(0x0a, start) + 1;
      const end = bytes.indexOf(0x0a, start);
      const text = readText(bytes.subarray(start, end < 0 ? bytes.length : end), fields.text);
      if (text !== undefined) yield { row, text: encoder.encode(text) };
    }
    if (next === wanted.length) return;
  }
}

async function* readParquetTexts(
  shard: Shard,
  fields: FieldNames,
  wanted: readonly number[],
  signal: AbortSignal | undefined,
): AsyncGenerator<RowText> {
  if (wanted.length === 0) return;
  for await (const { count, rows, text, textEnds } of readParquet(shard, fields, {
    quarantine: ignoredRows,
    onlyRows: wanted,
  })) {
    signal?.throwIfAborted();
    for (let i = 0; i < count; i++)
      yield { row: rows[i] ?? 0, text: Uint8Array.from(text.subarray(textEnds[i - 1] ?? 0, textEnds[i])) };
  }
}

const encoder = new TextEncoder();
