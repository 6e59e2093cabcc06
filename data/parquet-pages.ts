// Texts of a Parquet file whose pages are large, in little memory. DuckDB, like every reader that we know, holds a page whole, compressed and decompressed, and at
// times the one before; and it writes pages of up to 100 MB. Such a page is decompressed piece by piece here, where it is as DuckDB writes it: plain values, in Snappy, Zstandard, gzip or as they are.

import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { PageHeader } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { readVarInt } from 'hyparquet/src/thrift.js';
import { z } from 'zod';
import { sqlPath, sqlString } from './duckdb.ts';
import { copyPieces, readPieces } from './files.ts';
import { withRoom } from './lines.ts';
import { decompressSnappy } from './snappy.ts';
import { openZstdDecompressor } from './zstd.ts';

/** DuckDB reads smaller ones in little memory, too. */
export const largePageBytes = 16 << 20;
/** A header may have statistics, and these a text. */
const headerBytes = 1 << 20;
const startBytes = 1 << 20;
/** Each row has a byte while its page is read. */
const mostRows = 16 << 20;

const decompressors: Record<string, (pieces: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>> = {
  UNCOMPRESSED: (pieces) => pieces,
  SNAPPY: decompressSnappy,
  ZSTD: async (pieces) => (await openZstdDecompressor())(pieces),
  GZIP: (pieces) => pipeline(copyPieces(pieces), createGunzip(), () => undefined),
};

const textColumn = z.object({ codec: z.string(), start: z.number(), end: z.number(), rows: z.number(), optional: z.boolean() });

/** Where the pages of a row group's texts are, and what has to be known to read them; `optional`: texts may be missing. */
export type TextPages = z.output<typeof textColumn>;

/** The text pages of the row groups that are better read by `openTexts`, as their pages have `leastBytes` or more; undefined for the others. `field` is a column of strings. */
export async function findLargePages(connection: DuckDBConnection, path: string, field: string, groups: readonly number[], leastBytes = largePageBytes): Promise<(TextPages | undefined)[]> {
  const reader = await connection.runAndReadAll(
    `SELECT row_group_id::DOUBLE AS "group", compression AS codec, data_page_offset::DOUBLE AS start, (data_page_offset + total_compressed_size)::DOUBLE AS "end", num_values::DOUBLE AS rows, repetition_type = 'OPTIONAL' AS optional
     FROM parquet_metadata(${sqlPath(path)}), (SELECT any_value(repetition_type) AS repetition_type FROM parquet_schema(${sqlPath(path)}) WHERE name = ${sqlString(field)} HAVING count(*) = 1)
     WHERE path_in_schema = ${sqlString(field)} AND row_group_id IN (${groups.join(', ')}) AND repetition_type IN ('OPTIONAL', 'REQUIRED') AND total_uncompressed_size >= ${leastBytes}
       AND num_values = row_group_num_rows AND num_values <= ${mostRows} AND dictionary_page_offset IS NULL AND regexp_full_match(encodings, '(PLAIN|RLE|BIT_PACKED)(, (PLAIN|RLE|BIT_PACKED))*')`,
  );
  const found = textColumn.extend({ group: z.number() }).array().parse(reader.getRowObjects());
  return Promise.all(groups.map(async (group) => {
    const pages = found.find((column) => column.group === group && column.codec in decompressors);
    return pages !== undefined && (await isLarge(path, pages, leastBytes)) ? pages : undefined;
  }));
}

/** Whether the first page is large. A writer makes all alike; where this one cannot be read, DuckDB shall say why. */
async function isLarge(path: string, { start, rows }: TextPages, leastBytes: number): Promise<boolean> {
  const page = await readHeader(path, start, rows).catch(() => undefined);
  return page !== undefined && page.uncompressedBytes >= leastBytes;
}

/** A text, undefined where it is missing. */
export type Text = Uint8Array | 'too long' | undefined;

export interface TextReader {
  /** The next texts, at most so many and at least one; of use until the next are asked for. Throws where the file is damaged or ends early. */
  take(most: number): Promise<readonly Text[]>;
  close(): Promise<void>;
}

/** Reads the texts of a row group in order, from the row after the first `passed`. Those of more than `mostBytes` are not held. */
export function openTexts(path: string, pages: TextPages, passed: number, mostBytes: number): TextReader {
  const lists = readGroup(path, pages, mostBytes);
  let list: readonly Text[] = [];
  let at = 0;
  let toPass = passed;
  return {
    async take(most) {
      while (at + toPass >= list.length) {
        toPass -= list.length - at;
        const next = await lists.next();
        if (next.done === true) throw new Error('it has fewer texts than rows');
        list = next.value;
        at = 0;
      }
      at += toPass;
      toPass = 0;
      const taken = list.slice(at, at + most);
      at += taken.length;
      return taken;
    },
    async close() {
      await lists.return(undefined);
    },
  };
}

async function* readGroup(path: string, pages: TextPages, mostBytes: number): AsyncGenerator<Text[], undefined> {
  let rows = pages.rows;
  for (let at = pages.start; rows > 0; ) {
    const page = await readHeader(path, at, rows);
    if (page.end > pages.end) throw new Error('a page of its texts reaches beyond its row group');
    const pieces = await decompressors[pages.codec]?.(readPieces(path, page.start, page.end));
    if (pieces !== undefined) yield* readValues(pieces, page, pages.optional, mostBytes);
    rows -= page.rows;
    at = page.end;
  }
}

/** The values of a plain page: where they are optional, which of them are there (their length in 4 bytes, then they); then each as its length in 4 bytes and its bytes. */
async function* readValues(pieces: AsyncIterable<Uint8Array>, { rows, uncompressedBytes }: Page, optional: boolean, mostBytes: number): AsyncGenerator<Text[]> {
  let isThere = optional ? undefined : new Uint8Array(rows).fill(1);
  // Invariant: held[0, length) begins with the next value, or with what says which are there; `passing` bytes of a long one come before it.
  let held = Buffer.allocUnsafeSlow(startBytes);
  let length = 0;
  let passing = 0;
  let row = 0;
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > uncompressedBytes) throw new Error('a page of its texts is larger than its header says');
    const part = piece.subarray(Math.min(passing, piece.length));
    passing -= piece.length - part.length;
    held = withRoom(held, length, part.length);
    held.set(part, length);
    length += part.length;
    let at = 0;
    if (isThere === undefined) {
      if (length < 4 || length < 4 + held.readUInt32LE(0)) continue;
      at = 4 + held.readUInt32LE(0);
      isThere = readLevels(held.subarray(4, at), rows);
    }
    const texts: Text[] = [];
    while (row < rows && passing === 0) {
      const valueBytes = isThere[row] === 0 || length - at < 4 ? 0 : held.readUInt32LE(at);
      if (isThere[row] === 0) texts.push(undefined);
      else if (length - at < 4) break;
      else if (valueBytes > mostBytes) {
        passing = Math.max(0, at + 4 + valueBytes - length);
        at += 4 + valueBytes - passing;
        texts.push('too long');
      } else if (length - at - 4 < valueBytes) break;
      else {
        at += 4 + valueBytes;
        texts.push(held.subarray(at - valueBytes, at));
      }
      row++;
    }
    if (texts.length > 0) yield texts;
    held.copyWithin(0, at, length);
    length -= at;
  }
  if (row < rows || passing > 0) throw new Error('a page of its texts ends early');
}

/** Which values are there (1) or missing (0), from runs (RLE of Parquet's encodings): of one level, or of levels as bits, eight and eight. */
function readLevels(runs: Buffer, rows: number): Uint8Array<ArrayBuffer> {
  const levels = new Uint8Array(rows);
  const reader = { view: new DataView(runs.buffer, runs.byteOffset, runs.length), offset: 0 };
  for (let row = 0; row < rows; ) {
    const header = readVarInt(reader);
    const [isBits, count] = [(header & 1) === 1, header >>> 1];
    if (isBits) for (let bit = 0; bit < 8 * count && row < rows; bit++) levels[row++] = (reader.view.getUint8(reader.offset + (bit >> 3)) >> (bit & 7)) & 1;
    else levels.fill(reader.view.getUint8(reader.offset), row, (row += count));
    reader.offset += isBits ? count : 1;
  }
  return levels;
}

/** A data page: its values, and the place of its content in the file. */
interface Page {
  rows: number;
  start: number;
  end: number;
  uncompressedBytes: number;
}

async function readHeader(path: string, at: number, mostValues: number): Promise<Page> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headerBytes), 0, headerBytes, at);
    const reader = { view: new DataView(buffer.buffer, 0, bytesRead), offset: 0 };
    const header = parquetHeader(reader);
    return pageOf(header, at + reader.offset, mostValues);
  } finally {
    await file.close();
  }
}

const dataPage = z.object({
  type: z.literal('DATA_PAGE'),
  uncompressed_page_size: z.int().nonnegative(),
  compressed_page_size: z.int().nonnegative(),
  data_page_header: z.object({ num_values: z.int().positive(), encoding: z.literal('PLAIN'), definition_level_encoding: z.literal('RLE') }),
});

function pageOf(header: PageHeader, start: number, mostValues: number): Page {
  const page = dataPage.safeParse(header);
  if (!page.success || page.data.data_page_header.num_values > mostValues) throw new Error('a page of its texts has a header that cannot be');
  return { rows: page.data.data_page_header.num_values, start, end: start + page.data.compressed_page_size, uncompressedBytes: page.data.uncompressed_page_size };
}
