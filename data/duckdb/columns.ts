// Reads and writes whole columns of DuckDB chunks. The library converts one value at a time, which takes
// longer than scoring it. Here, adjacent strings in DuckDB's memory, as most are, are fetched together, and
// numbers are copied directly.

import { isUtf8 } from 'node:buffer';
import type { DuckDBDataChunk } from '@duckdb/node-api';
import { bindings } from './library.ts';
import { fail } from '../../run/errors/errors.ts';

/**
 * DuckDB's string_t: the length in 4 bytes, then the string itself if it has at most 12 bytes, otherwise its
 * first 4 bytes and an 8-byte pointer to it.
 */
const stringBytes = 16;
const pointerAt = 8;
const longestInline = 12;

/**
 * The values of a VARCHAR (in UTF-8) or BLOB column; undefined for NULL. They are views of shared memory: do
 * not write to them.
 */
export function readBytes({ chunk, rowCount }: DuckDBDataChunk, column: number): (Uint8Array | undefined)[] {
  const vector = bindings.data_chunk_get_vector(chunk, column);
  const { buffer, byteOffset } = bindings.vector_get_data(vector, stringBytes * rowCount);
  if (!(buffer instanceof ArrayBuffer)) throw fail('INTERNAL', { reason: 'DuckDB returned shared memory' });
  const strings = new DataView(buffer, byteOffset, stringBytes * rowCount);
  const isNull = openNulls(bindings.vector_get_validity(vector, 8 * Math.ceil(rowCount / 64)));
  const lengthOf = (row: number): number => strings.getUint32(stringBytes * row, true);
  const isApart = (row: number): boolean => !isNull(row) && lengthOf(row) > longestInline;
  const addressOf = (row: number): bigint => strings.getBigUint64(stringBytes * row + pointerAt, true);
  const values = new Array<Uint8Array | undefined>(rowCount);
  for (let row = 0; row < rowCount;) {
    if (!isApart(row)) {
      values[row] = isNull(row)
        ? undefined
        : new Uint8Array(buffer, byteOffset + stringBytes * row + 4, lengthOf(row));
      row++;
      continue;
    }
    const first = row;
    let bytes = 0;
    do bytes += lengthOf(row++);
    while (row < rowCount && isApart(row) && addressOf(row) === addressOf(first) + BigInt(bytes));
    const run = bindings.get_data_from_pointer(buffer, byteOffset + stringBytes * first + pointerAt, bytes);
    for (let at = 0, own = first; own < row; at += lengthOf(own++))
      values[own] = run.subarray(at, at + lengthOf(own));
  }
  return values;
}

/**
 * The values of a VARCHAR or BLOB column as strings; '' for NULL, undefined for a BLOB that is not valid
 * UTF-8.
 */
export function readStrings(chunk: DuckDBDataChunk, column: number): (string | undefined)[] {
  return readBytes(chunk, column).map((bytes) => {
    if (bytes === undefined) return '';
    const text = decoder.decode(bytes);
    // Few texts contain U+FFFD, so few are checked again.
    return text.includes('\ufffd') && !isUtf8(bytes) ? undefined : text;
  });
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function openNulls(validity: Uint8Array | null): (row: number) => boolean {
  return (row) => validity !== null && ((validity[row >> 3] ?? 0) & (1 << (row & 7))) === 0;
}

/** Writes numbers into a column of the array's type (FLOAT, DOUBLE, USMALLINT). */
export function writeNumbers(
  { chunk }: DuckDBDataChunk,
  column: number,
  values: Float32Array | Float64Array | Uint16Array,
): void {
  const { buffer, byteOffset, byteLength } = values;
  // The library rejects memory that is shared with other threads.
  const own = buffer instanceof ArrayBuffer ? { buffer, byteOffset } : values.slice();
  bindings.copy_data_to_vector(
    bindings.data_chunk_get_vector(chunk, column),
    0,
    own.buffer,
    own.byteOffset,
    byteLength,
  );
}

/** Writes `count` strings, starting at `start`, into a VARCHAR column. */
export function writeStrings(
  { chunk }: DuckDBDataChunk,
  column: number,
  strings: readonly string[],
  start: number,
  count: number,
): void {
  const vector = bindings.data_chunk_get_vector(chunk, column);
  for (let i = 0; i < count; i++) bindings.vector_assign_string_element(vector, i, strings[start + i] ?? '');
}
